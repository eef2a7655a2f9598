//! Performs what the engine asks for, over the four doors. The host (a browser tab, the simulator)
//! owns the loop: it tells events, and whenever there is work it takes the lock that only one tab
//! can hold and lets [`Driver::run`] come to its end.
//!
//! Invariants: nothing is leased or applied without the lead; the effects of one baby happen in
//! order; no request is waited for longer than [`REQUEST_TIMEOUT_MS`].

mod access;
mod farewell;
mod pull;
mod push;
#[cfg(test)]
mod tests;

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    future::{Future, poll_fn},
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, Waker},
};

use self::farewell::Farewell;
use super::{
    defect::{Defect, planted},
    engine::{AccessOutcome, Effect, Engine, Event, Flags, HandOver, PullOutcome, PushOutcome, Schedule, Told},
    fault::Fault,
    local::{Epoch, LocalStore, Totals},
    ports::{Clock, Database, Entropy, StoreError, Transport, TransportError},
    status::{Did, SyncStatus, SyncStep},
};
use crate::domain::{
    id::{BabyId, UserId},
    time::Timestamp,
};

pub(super) use push::request;

/// A request without an answer for so long is given up; its mutations are sent again.
pub const REQUEST_TIMEOUT_MS: i64 = 30_000;
/// A server clock that is off by less is not worth a write.
const CLOCK_STEP_MS: i64 = 500;

/// An effect that is under way, and the baby it is about, if any: one at a time of each.
type Performing<'d> = (Option<BabyId>, Running<'d>);
type Running<'d> = Pin<Box<dyn Future<Output = Option<Event>> + 'd>>;

pub struct Driver<D, T, C> {
    store: Rc<LocalStore<D>>,
    transport: T,
    clock: C,
    engine: RefCell<Engine>,
    /// The lead as this tab last had it.
    epoch: Cell<Option<Epoch>>,
    /// What is still to be performed, in order.
    todo: RefCell<Vec<Effect>>,
    /// Wakes a run that is under way.
    waker: RefCell<Option<Waker>>,
    clock_offset_ms: Cell<Option<i64>>,
    /// How often the access list was asked for, and how often it had been when each baby's last
    /// push or pull was answered.
    checks: Cell<u64>,
    heard: RefCell<BTreeMap<BabyId, u64>>,
    /// Authors without a name here, once the server was asked for it: somebody who was removed
    /// stays nameless, and is not asked about with every change.
    strangers: RefCell<BTreeSet<UserId>>,
    /// The server is older than this app: it knows pushes and pulls, and nothing that came later.
    plain: Cell<bool>,
    /// Of guests whose time is over: what there is to say at the end.
    farewells: RefCell<BTreeMap<BabyId, Farewell>>,
    listener: Box<dyn Fn(Told)>,
}

impl<D: Database, T: Transport, C: Clock> Driver<D, T, C> {
    /// `listener` hears what the screens are to know; it must not call back into the driver.
    pub fn new(
        store: Rc<LocalStore<D>>,
        transport: T,
        clock: C,
        entropy: &impl Entropy,
        schedule: Schedule,
        listener: impl Fn(Told) + 'static,
    ) -> Self {
        Self {
            store,
            transport,
            clock,
            engine: RefCell::new(Engine::new(schedule, entropy.next_u64())),
            epoch: Cell::new(None),
            todo: RefCell::default(),
            waker: RefCell::default(),
            clock_offset_ms: Cell::new(None),
            checks: Cell::new(0),
            heard: RefCell::default(),
            strangers: RefCell::default(),
            plain: Cell::new(false),
            farewells: RefCell::default(),
            listener: Box::new(listener),
        }
    }

    /// Learns which babies this device has. To be called once, before anything is told.
    ///
    /// # Errors
    /// The database failed.
    pub async fn open(&self) -> Result<(), StoreError> {
        let read = self.store.read_again().await?;
        if read > 0 {
            self.note(None, Did::Understood { entries: read }).await?;
        }
        let babies = self.store.babies().await?;
        self.tell(Event::BabiesKnown(babies.into_iter().collect()));
        Ok(())
    }

    /// Tells the engine what happened. Performs nothing: see [`Self::has_work`].
    pub fn tell(&self, event: Event) {
        let effects = self.engine.borrow_mut().on(self.clock.now(), event);
        let mut told = Vec::new();
        for effect in effects {
            match effect {
                Effect::Tell(what) => told.push(what),
                effect => self.todo.borrow_mut().push(effect),
            }
        }
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
        told.into_iter().for_each(&self.listener);
    }

    /// Whether [`Self::run`] has something to perform.
    pub fn has_work(&self) -> bool {
        !self.todo.borrow().is_empty()
    }

    /// When to tell [`Event::Tick`] if nothing else happens.
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.engine.borrow().wake_at()
    }

    /// Whether to listen for the server's hints: told as [`Event::Hinted`].
    pub fn wants_hints(&self) -> bool {
        self.engine.borrow().wants_hints()
    }

    /// The baby that the engine takes for the one on screen.
    pub fn active(&self) -> Option<BabyId> {
        self.engine.borrow().active()
    }

    /// The whole status, for the screens.
    ///
    /// # Errors
    /// The database failed.
    pub async fn status(&self) -> Result<SyncStatus, StoreError> {
        let Totals { babies, waiting, failed, clock_offset_ms } = self.store.status().await?;
        let Flags { online, syncing, blocked } = self.engine.borrow().flags();
        let clock_skew_ms = clock_offset_ms.map(|ms| -ms);
        Ok(SyncStatus { online, syncing, blocked, waiting, failed, clock_skew_ms, babies })
    }

    /// Performs everything there is to do, and what follows from it, until nothing is left that is
    /// due. Only the tab that holds the lock calls it, one call at a time, and not without polling
    /// it to its end.
    ///
    /// # Errors
    /// The lead could not be taken; what was to be done is still to be done.
    pub async fn run(&self) -> Result<(), StoreError> {
        self.take_lead().await?;
        let mut performing: Vec<Performing<'_>> = Vec::new();
        let mut alarm: Option<(Timestamp, Running<'_>)> = None;
        poll_fn(|cx| {
            self.waker.replace(Some(cx.waker().clone()));
            while self.advance(cx, &mut performing) {}
            if performing.is_empty() {
                self.waker.replace(None);
                return Poll::Ready(());
            }
            self.ring(cx, &mut alarm);
            Poll::Pending
        })
        .await;
        Ok(())
    }

    /// Starts and polls what is to be done; whether anything came to its end.
    fn advance<'d>(&'d self, cx: &mut Context<'_>, performing: &mut Vec<Performing<'d>>) -> bool {
        for effect in self.todo.take() {
            let baby = effect.baby();
            if performing.iter().any(|(busy, _)| *busy == baby) {
                self.todo.borrow_mut().push(effect);
            } else {
                performing.push((baby, Box::pin(self.perform(effect))));
            }
        }
        let mut done = Vec::new();
        performing.retain_mut(|(_, future)| match future.as_mut().poll(cx) {
            Poll::Ready(event) => {
                done.push(event);
                false
            }
            Poll::Pending => true,
        });
        let progress = !done.is_empty();
        done.into_iter().flatten().for_each(|event| self.tell(event));
        progress
    }

    /// While one baby's request is under way another one's turn may come.
    fn ring<'d>(&'d self, cx: &mut Context<'_>, alarm: &mut Option<(Timestamp, Running<'d>)>) {
        let Some(at) = self.wake_at() else {
            *alarm = None;
            return;
        };
        if alarm.as_ref().is_none_or(|(set, _)| *set != at) {
            let ms = at.since(self.clock.now()).max(0);
            let sleep = async move {
                self.clock.sleep_ms(ms).await;
                Some(Event::Tick)
            };
            *alarm = Some((at, Box::pin(sleep)));
        }
        if let Some((_, sleep)) = alarm
            && let Poll::Ready(Some(tick)) = sleep.as_mut().poll(cx)
        {
            *alarm = None;
            self.waker.replace(Some(cx.waker().clone()));
            self.tell(tick);
        }
    }

    async fn take_lead(&self) -> Result<(), StoreError> {
        if let Some(epoch) = self.epoch.get()
            && self.store.leads(epoch).await?
        {
            return Ok(());
        }
        self.epoch.set(Some(self.store.lead().await?));
        Ok(())
    }

    fn lead(&self) -> Result<Epoch, StoreError> {
        self.epoch.get().ok_or(StoreError::Fenced)
    }

    async fn perform(&self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Push { baby, limit, force, reset, alone } => {
                let outcome = self.push(baby, limit, force, reset, alone).await;
                let outcome = outcome.unwrap_or_else(|err| self.lost(err, PushOutcome::StoreFailed));
                self.note_fault(baby, outcome.fault()).await;
                Some(Event::PushDone { baby, outcome })
            }
            Effect::Pull { baby, unless } => {
                let outcome = self.pull(baby, unless).await;
                let outcome = outcome.unwrap_or_else(|err| self.lost(err, PullOutcome::StoreFailed));
                self.note_fault(baby, outcome.fault()).await;
                Some(Event::PullDone { baby, outcome })
            }
            Effect::CheckAccess => {
                let outcome = self.check_access().await;
                Some(Event::AccessDone(outcome.unwrap_or_else(|err| self.lost(err, AccessOutcome::StoreFailed))))
            }
            Effect::HandOver { baby } => {
                let outcome = self.hand_over(baby).await;
                let outcome = outcome.unwrap_or_else(|err| self.lost(err, HandOver::StoreFailed));
                Some(Event::HandedOver { baby, outcome })
            }
            effect => {
                if let Err(error) = self.write(effect).await
                    && self.lost(error.clone(), |error| error) != StoreError::Fenced
                {
                    (self.listener)(Told::StorageFailed(error));
                }
                None
            }
        }
    }

    /// After a failed write nobody knows what is in flight: taking the lead anew puts that right.
    fn lost<O>(&self, error: StoreError, outcome: impl FnOnce(StoreError) -> O) -> O {
        self.epoch.set(None);
        outcome(error)
    }

    async fn write(&self, effect: Effect) -> Result<(), StoreError> {
        let now = self.clock.now();
        match effect {
            Effect::Release { .. } if planted(Defect::NoRelease) => Ok(()),
            Effect::Release { baby, leased, next_attempt_at, server_failed } => {
                self.store.release(self.lead()?, baby, &leased, next_attempt_at, server_failed, now).await
            }
            Effect::Bury { baby, leased, reason } => {
                self.note(baby, Did::Buried { letters: leased.len(), reason: reason.clone() }).await?;
                self.store.bury(self.lead()?, baby, &leased, reason, now).await?;
                (self.listener)(Told::Rows(baby));
                Ok(())
            }
            Effect::Reset { baby, resend } => {
                self.note(baby, Did::Reset).await?;
                self.store.reset(self.lead()?, baby, resend).await?;
                (self.listener)(Told::Rows(baby));
                Ok(())
            }
            Effect::Purge { baby } => self.purge(baby).await,
            Effect::SetError { baby, error } => {
                let did = error.clone().map_or(Did::Recovered, |error| Did::Failed { error });
                self.note(baby, did).await?;
                self.store.set_error(baby, error).await
            }
            Effect::Push { .. }
            | Effect::Pull { .. }
            | Effect::HandOver { .. }
            | Effect::CheckAccess
            | Effect::Tell(_) => Ok(()),
        }
    }

    /// Keeps how far the server's clock is ahead, taking the answer to have been given half way.
    async fn learn_clock(&self, asked_at: Timestamp, server_time: Timestamp) -> Result<(), StoreError> {
        let half_way = asked_at.plus_ms(self.clock.now().since(asked_at) / 2);
        let offset_ms = server_time.since(half_way);
        if self.clock_offset_ms.get().is_some_and(|known| (known - offset_ms).abs() < CLOCK_STEP_MS) {
            return Ok(());
        }
        self.clock_offset_ms.set(Some(offset_ms));
        self.store.set_clock_offset(offset_ms).await
    }

    async fn note(&self, baby: impl Into<Option<BabyId>>, did: Did) -> Result<(), StoreError> {
        let step = SyncStep { at: self.clock.now(), baby_id: baby.into(), did };
        (self.listener)(Told::Step(step.clone()));
        if step.did == Did::Unchanged { Ok(()) } else { self.store.note(&step).await }
    }

    /// No failed run without a line; if not even that can be written, the failure itself is told.
    async fn note_fault(&self, baby: BabyId, fault: Option<Fault>) {
        if let Some(fault) = fault.filter(|fault| *fault != Fault::Fenced) {
            let did = Did::Fault { code: fault.code().to_owned(), retried: fault.retryable() };
            drop(self.note(baby, did).await);
        }
    }

    async fn in_time<R>(&self, request: impl Future<Output = Result<R, TransportError>>) -> Result<R, TransportError> {
        let (mut request, mut timeout) = (pin!(request), pin!(self.clock.sleep_ms(REQUEST_TIMEOUT_MS)));
        poll_fn(|cx| {
            if let Poll::Ready(answer) = request.as_mut().poll(cx) {
                return Poll::Ready(answer);
            }
            let late = || Err(TransportError::Network { message: "no answer in time".into() });
            timeout.as_mut().poll(cx).map(|()| late())
        })
        .await
    }
}
