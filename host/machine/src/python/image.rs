//! Memories of Python interpreters, for tests: laid out as CPython 3.14 for wasm32 lays them out.
//!
//! Used by the tests of this crate from the inside, and from outside by guests that pretend to be CPython.

/// Offsets of CPython 3.14.0 for wasm32: index of the field in `_Py_DebugOffsets`, and its value.
const OFFSETS: [(usize, u64); 26] = [
    (1, 0x030e_00f0),
    (2, 0),
    (5, 796),
    (8, 3648),
    (9, 3704),
    (24, 4),
    (26, 52),
    (32, 4),
    (33, 0),
    (34, 28),
    (36, 38),
    (40, 80),
    (42, 88),
    (43, 92),
    (44, 44),
    (48, 128),
    (50, 8),
    (51, 4),
    (53, 12),
    (75, 8),
    (76, 16),
    (77, 32),
    (78, 16),
    (79, 8),
    (80, 20),
    (81, 144),
];
/// Where the runtime is in a memory; before it there is nothing.
pub const RUNTIME_AT: usize = 4096;

/// A memory with an interpreter of one thread.
pub struct Image {
    pub bytes: Vec<u8>,
    code_type: u32,
    /// Where the pointer to the next frame that is added belongs.
    pub link: u32,
}

impl Image {
    /// A thread without frames.
    pub fn new() -> Image {
        let mut image = Image { bytes: vec![0; RUNTIME_AT], code_type: 0, link: 0 };
        let runtime = image.add(&[0; 1024]);
        image.bytes[RUNTIME_AT..][..8].copy_from_slice(b"xdebugpy");
        for (index, value) in OFFSETS {
            image.bytes[RUNTIME_AT + 8 * index..][..8].copy_from_slice(&value.to_le_bytes());
        }
        let interpreter = image.add(&[0; 4096]);
        let thread = image.add(&[0; 128]);
        image.set(runtime + 796, interpreter);
        image.set(interpreter + 3704, thread);
        image.link = thread + 52;
        image.code_type = image.add(&[0; 64]);
        let name = image.add(b"code\0");
        image.set(image.code_type + 12, name);
        image
    }

    fn add(&mut self, bytes: &[u8]) -> u32 {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        u32::try_from(at).expect("it is small")
    }

    pub fn set(&mut self, at: u32, word: u32) {
        self.bytes[at as usize..][..4].copy_from_slice(&word.to_le_bytes());
    }

    /// A `str` as narrow as it can be.
    pub fn text(&mut self, text: &str) -> u32 {
        let (width, is_ascii) = match text.chars().max() {
            None | Some('\0'..='\x7f') => (1, true),
            Some(..='\u{ff}') => (1, false),
            Some(..='\u{ffff}') => (2, false),
            Some(_) => (4, false),
        };
        let mut bytes = vec![0; if is_ascii { 20 } else { 28 }];
        let length = u32::try_from(text.chars().count()).expect("it is short");
        bytes[8..12].copy_from_slice(&length.to_le_bytes());
        // Interned; compact. What is above is left as it was.
        let flags: u32 = 1 | (width | 8 | if is_ascii { 16 } else { 0 }) << 2 | 0x46_af00;
        bytes[16..20].copy_from_slice(&flags.to_le_bytes());
        for char in text.chars() {
            bytes.extend_from_slice(&u32::from(char).to_le_bytes()[..width as usize]);
        }
        self.add(&bytes)
    }

    /// A function's code: its `co_linetable` and the line before that begins.
    pub fn code(&mut self, file: &str, function: &str, first_line: u32, table: &[u8]) -> u32 {
        let (file, function) = (self.text(file), self.text(function));
        let mut bytes = vec![0; 16];
        bytes[8..12].copy_from_slice(&u32::try_from(table.len()).expect("short").to_le_bytes());
        bytes.extend_from_slice(table);
        let table = self.add(&bytes);
        let code = self.add(&[0; 128 + 64]);
        for (field, value) in
            [(4, self.code_type), (80, file), (88, function), (92, table), (44, first_line)]
        {
            self.set(code + field, value);
        }
        code
    }

    /// A frame that is called by the next one.
    pub fn frame(&mut self, code: u32, unit: u32, owner: u8) {
        let frame = self.add(&[0; 44]);
        // A reference that is not counted.
        self.set(frame, code | 1);
        self.set(frame + 28, code + 128 + 2 * unit);
        self.bytes[frame as usize + 38] = owner;
        self.set(self.link, frame);
        self.link = frame + 4;
    }

    /// A function of two lines, in its second one.
    pub fn call(&mut self, file: &str, function: &str, line: u32) {
        let code = self.code(file, function, line - 1, &[0x80, 0, 0xd9, 0, 0]);
        self.frame(code, 2, 0);
    }
}
