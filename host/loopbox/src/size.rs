//! Numbers of bytes as people write them: `64MiB`.

/// The units, largest first.
const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// What such a text looks like.
pub const EXPECTED: &str = "a size such as \"64MiB\"";

/// Reads a whole number and a unit.
///
/// # Errors
/// The text is something else: a sentence for people.
pub fn parse(text: &str) -> Result<u64, String> {
    let trimmed = text.trim();
    let split = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let (number, unit) = (&trimmed[..split], trimmed[split..].trim_start());
    if number.is_empty() {
        return Err(format!(
            "`{text}` is not a size: write a whole number and a unit, such as `64MiB`"
        ));
    }
    if unit.is_empty() {
        return Err(format!("`{text}` has no unit: use one of B, KiB, MiB, GiB"));
    }
    let Some((_, unit)) = UNITS.into_iter().find(|(name, _)| *name == unit) else {
        return Err(format!("`{unit}` is not a unit of size: use one of B, KiB, MiB, GiB"));
    };
    // What is too large for any number is too large for any bound.
    Ok(number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).unwrap_or(u64::MAX))
}

/// A number of bytes, exactly: in the largest unit that divides it.
pub fn show(bytes: u64) -> String {
    let divides = |(_, size): &(&str, u64)| bytes.is_multiple_of(*size);
    let (unit, size) = UNITS.into_iter().find(divides).unwrap_or(("B", 1));
    format!("{}{unit}", bytes / size)
}

/// About so many bytes, for people who read on: `1.3 MiB`.
pub fn about(bytes: u64) -> String {
    let fits = |(_, size): &(&str, u64)| bytes >= *size;
    match UNITS.into_iter().find(fits) {
        None | Some((_, 1)) => format!("{bytes} B"),
        Some((unit, size)) => format!("{}.{} {unit}", bytes / size, bytes % size * 10 / size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_unit_and_shown_again() {
        for (text, bytes) in [("7B", 7), ("1KiB", 1024), ("64 MiB", 64 << 20), ("2GiB", 2 << 30)] {
            assert_eq!(parse(text), Ok(bytes));
            assert_eq!(show(bytes), text.replace(' ', ""));
        }
        assert_eq!(parse("99999999999999999999GiB"), Ok(u64::MAX));
        for text in ["", "x", "64", "64MB", "-1B", "1.5MiB", "MiB"] {
            parse(text).expect_err(text);
        }
        assert_eq!([0, 1023, 1024, 1_400_000].map(about), ["0 B", "1023 B", "1.0 KiB", "1.3 MiB"]);
    }
}
