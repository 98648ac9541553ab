//! News of the results, for pages that are open.
//!
//! The folder is looked at now and then, by one task, and only while somebody listens. What is passed on is the
//! index's generation: a page compares it with the one that it shows. Time is the host's here: this looks at the
//! outside world.

use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::{Bytes, Frame};
use smol::Timer;
use smol::channel::{self, Receiver, Sender};
use smol::future;
use smol::stream::{self, Stream};

/// How long after a look the next one comes, at the earliest.
const PAUSE: Duration = Duration::from_millis(500);

/// Looking may take so much of the time.
const PAUSES_PER_LOOK: u32 = 20;

/// A listener hears something this often, else its going away would not be noticed.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// More listeners than this are no people.
const LISTENERS_MAX: usize = 64;

/// Who listens.
#[derive(Debug)]
pub struct Changes {
    listeners: Mutex<Vec<Sender<u64>>>,
    /// Full when somebody came.
    came: (Sender<()>, Receiver<()>),
}

/// Somebody who listens.
#[derive(Debug)]
pub struct Listener {
    generations: Receiver<u64>,
    /// The generation that it knows.
    known: u64,
    greeted: bool,
}

impl Default for Changes {
    fn default() -> Changes {
        Changes { listeners: Mutex::default(), came: channel::bounded(1) }
    }
}

impl Changes {
    /// Listens from now on, as somebody who knows this generation. `None` if too many do.
    pub fn listen(&self, known: u64) -> Option<Listener> {
        // Only the latest generation counts, so there is room for one.
        let (sender, generations) = channel::bounded(1);
        let mut listeners = self.listeners();
        if listeners.len() >= LISTENERS_MAX {
            return None;
        }
        listeners.push(sender);
        // If it is full already, whoever watches will look anyway.
        let _ = self.came.0.try_send(());
        Some(Listener { generations, known, greeted: false })
    }

    /// Looks, again and again while somebody listens, and passes the generation on.
    pub async fn watch<L: Future<Output = u64>>(&self, look: impl Fn() -> L) -> Infallible {
        loop {
            if !self.anybody() {
                let _ = self.came.1.recv().await;
            }
            let begin = Instant::now();
            let generation = look().await;
            let took = begin.elapsed();
            for listener in &*self.listeners() {
                // Whoever left is forgotten in the next round.
                let _ = listener.force_send(generation);
            }
            Timer::after(PAUSE.max(took * PAUSES_PER_LOOK)).await;
        }
    }

    fn anybody(&self) -> bool {
        let mut listeners = self.listeners();
        listeners.retain(|listener| !listener.is_closed());
        !listeners.is_empty()
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<Sender<u64>>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// The news as server-sent events.
    pub fn into_events(self) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> {
        stream::unfold(self, async |mut listener| {
            let text = listener.next().await?;
            Some((Ok(Frame::data(text.into())), listener))
        })
    }

    async fn next(&mut self) -> Option<String> {
        if !self.greeted {
            self.greeted = true;
            return Some(": listening\n\n".into());
        }
        let deadline = Instant::now() + SIGN_OF_LIFE;
        loop {
            let silence = async {
                Timer::at(deadline).await;
                Ok(None)
            };
            let news = async { self.generations.recv().await.map(Some) };
            match future::or(news, silence).await {
                Ok(Some(generation)) if generation != self.known => {
                    self.known = generation;
                    return Some(format!(
                        "event: changed\nid: {generation}\ndata: {generation}\n\n"
                    ));
                }
                // The same generation comes with every look.
                Ok(Some(_)) => {}
                Ok(None) => return Some(": nothing new\n\n".into()),
                Err(_) => return None,
            }
        }
    }
}
