//! What a journal promises, for whoever uses one and whoever builds one.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use super::delivery::{
    Claimed, Delivery, DeliveryFilter, DeliveryId, DeliveryState, Fallen, Lapse, Places, Settled, Settlement,
};
use super::entry::{Appended, Entry, EntryId, Filter, Full, Head, Health, NewEntry, Page, Report, Stats, Unverified};
use super::guarded::{GuardAct, GuardActed, Guarded, GuardedFilter, Reference};
use super::people::{Anew, FieldForm, Listed, Search, Sighting};
use super::{JournalError, Receipt};
pub use crate::base::future::BoxFuture;
use crate::event::Person;

/// Is told how many entries were looked at, now and then.
pub type Progress = Arc<dyn Fn(u64) + Send + Sync>;

/// What can be asked of a journal without writing to it, also by another process than the one that appends.
///
/// Every answer is bounded: pages, never all.
pub trait Reader: Send + Sync {
    /// Entries by filter, at most `limit`. A page may be short before the end.
    fn entries(&self, filter: Filter, limit: usize) -> BoxFuture<'_, Result<Page<Entry>, JournalError>>;

    /// One entry with its record and its deliveries; none if there is none of that name.
    fn entry(&self, id: EntryId) -> BoxFuture<'_, Result<Option<Full>, JournalError>>;

    /// The same by the entry's number.
    fn entry_at(&self, seq: u64) -> BoxFuture<'_, Result<Option<Full>, JournalError>>;

    /// The names of entries from `first` to `last`, at most `limit`, for whoever knows only how one begins.
    fn names(&self, first: EntryId, last: EntryId, limit: usize) -> BoxFuture<'_, Result<Vec<EntryId>, JournalError>>;

    /// Deliveries that are pending or dead, oldest first; those that have ended otherwise are found by their entry.
    fn deliveries(
        &self,
        state: DeliveryState,
        filter: DeliveryFilter,
        limit: usize,
    ) -> BoxFuture<'_, Result<Page<Delivery>, JournalError>>;

    /// Unverified notices from number `after` on, oldest first.
    fn unverified(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Unverified>, JournalError>>;

    /// Persons whom guards hold, in the order in which they came.
    fn guarded(&self, filter: GuardedFilter, limit: usize) -> BoxFuture<'_, Result<Page<Guarded>, JournalError>>;

    /// About how many persons its entries are of, of all tenants together. It may take seconds.
    fn persons_known(&self) -> BoxFuture<'_, Result<u64, JournalError>>;

    /// What it holds.
    fn stats(&self) -> BoxFuture<'_, Result<Stats, JournalError>>;

    /// The last entry.
    fn head(&self) -> BoxFuture<'_, Result<Head, JournalError>>;

    /// The text of a rule set that was kept under this hash.
    fn rule_set(&self, hash: [u8; 32]) -> BoxFuture<'_, Result<Option<Vec<u8>>, JournalError>>;

    /// The value of a counter; 0 where nobody counted.
    fn counter(&self, name: &str) -> BoxFuture<'_, Result<i64, JournalError>>;

    /// A person of the directory; none if there is none of this kind. What is on disk is found at once. Where so many share
    /// the first key that it cannot be told, that is an error.
    fn find_person(&self, search: Search) -> BoxFuture<'_, Result<Option<Listed>, JournalError>>;

    /// Which of these fields the directory cannot be asked about: its index has another form of it, or it is not known of
    /// everybody.
    fn unready_people(&self, forms: Vec<FieldForm>) -> BoxFuture<'_, Result<Vec<Arc<str>>, JournalError>>;

    /// What the directory keeps of this person.
    fn listed<'a>(&'a self, person: &'a Person) -> BoxFuture<'a, Result<Option<Listed>, JournalError>>;

    /// The directory from number `after` on, at most `limit`.
    fn people(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Listed>, JournalError>>;

    /// Goes through the whole chain in bounded memory and says what is wrong with it. `against` is a head that was kept
    /// elsewhere: only it shows that the newest entries were cut off.
    fn verify(&self, against: Option<Head>, progress: Progress) -> BoxFuture<'_, Result<Report, JournalError>>;

    /// Writes a copy to a file that does not exist, while the journal serves. Keys are not in it.
    fn backup<'a>(&'a self, to: &'a Path) -> BoxFuture<'a, Result<Head, JournalError>>;
}

/// A store of entries and deliveries.
///
/// # For implementers
///
/// - **Queued before awaited.** What returns a [`Receipt`] has queued its work when it returns, so that the work is done
///   even if whoever asked goes away. A receipt is answered only when its work is on disk, in the order of the calls.
///   What cannot be queued is refused at once, with [`JournalError::Busy`].
/// - **One transaction** holds an entry, its deliveries and what guards made of it, or a settlement and the next head of its lane.
/// - **The directory** learns of a person in the transaction of the entry that tells of it. Retention leaves it alone.
/// - **Repeats.** An entry whose digest of `repeat` (keyed) equals that of the *latest* entry of the same person and event,
///   received no longer than the repeat window before, is stored with a link to it, and its deliveries are not. An event
///   in between makes it none: X, Y, X are three.
/// - **Requests.** An entry with an idempotency key repeats the newest entry of the same person, event and key, however old,
///   unless one of that entry's performed deliveries is dead or dropped, or it performed nothing and this one is to. What of
///   the earlier entry was performed and is not done, and not being attempted, is dropped when it is not repeated: the new
///   one does it.
/// - **After.** A delivery comes after those of its entry that stand before it and go to the actions it names. It is claimed
///   once none of them is pending. When one dies or is dropped, it dies in the same transaction (is dropped where that one
///   was superseded), its lane goes on, and so on with those that come after it. When that one is retried it is pending
///   again. Retried by itself it goes ahead without what was dropped, and is refused ([`JournalError::After`]) while one of them is dead.
/// - **Captured** values are on disk in the transaction of their settlement, sealed and forgotten as payloads are, and
///   handed to those who come after at each claim.
/// - **Performed** deliveries are claimed before others that are due. One that is retried by hand is no longer waited for.
/// - **Lanes.** Of the pending deliveries of a lane only the oldest, its head, is ever claimed, and only once it is due.
/// - **Leases.** A claimed lane is claimed by nobody else until its settlement is on disk. A store that only one process
///   writes may keep leases in memory, for they end with the process; one that several share keeps them with a time-out,
///   renews them while the process lives, and ignores settlements of a lease that was lost.
/// - **Settling twice**, or settling what an operator has ended meanwhile, changes nothing and is no error.
/// - **Full and failing.** Below its reserve of space a journal takes no entries ([`JournalError::Full`]), but everything
///   that ends or removes something. After a failure it comes back by itself.
/// - **Nothing unbounded**: what waits to be written, caches, leases, pages, memory at start.
///
/// `conformance` is the suite that every implementation passes.
pub trait Journal: Reader {
    /// Queues an entry. The receipt tells its number once it is on disk with its deliveries.
    fn append(&self, entry: NewEntry<'_>) -> Receipt<Appended>;

    /// What stands for a person in its next entry. It looks at no disk.
    fn reference(&self, person: &Person) -> Reference;

    /// Releases or drops a guarded person, which is an act of its own in the chain, with its reason. Of one who is not on
    /// the list, or has a pass already, it is [`JournalError::Unknown`].
    fn act_on_guarded(&self, number: u64, act: GuardAct, reason: &str) -> Receipt<GuardActed>;

    /// The heads of this action's lanes that are due at `now`, as many of each kind as there are places: the performed ones,
    /// those that were never attempted, and those that were; of each kind the oldest due first. Each lane is leased until
    /// [`Journal::settle`].
    fn claim<'a>(
        &'a self,
        action: &'a str,
        now: DateTime<Utc>,
        places: Places,
    ) -> BoxFuture<'a, Result<Vec<Claimed>, JournalError>>;

    /// Queues what has become of a claimed delivery. Its lane's next head can be claimed once the receipt is answered. If
    /// it fails, the lane stays leased: settle again.
    fn settle(&self, delivery: DeliveryId, settlement: Settlement) -> Receipt<Settled>;

    /// Gives performed deliveries up that nobody attempts, and what comes after them: dead letters, with a reason. At most some hundred at
    /// a time, those first for which nobody waits the longest; there may be more as long as there are any.
    fn lapse(&self, lapse: Lapse) -> Receipt<Vec<Fallen>>;

    /// Until when the first performed delivery that nobody attempts is waited for; it may be in the past.
    fn next_lapse(&self) -> BoxFuture<'_, Result<Option<DateTime<Utc>>, JournalError>>;

    /// When the earliest lane of this action that nobody has leased is due; it may be in the past.
    fn next_due<'a>(&'a self, action: &'a str) -> BoxFuture<'a, Result<Option<DateTime<Utc>>, JournalError>>;

    /// Is notified, with a permit for one waiter, whenever this action may have something new to claim. The same one at
    /// each call.
    fn signal(&self, action: &str) -> Arc<Notify>;

    /// Every action that has pending deliveries, whether or not it is still configured.
    fn pending_actions(&self) -> BoxFuture<'_, Result<Vec<String>, JournalError>>;

    /// Makes a dead delivery pending again, due at once and with its attempts counted anew. It is the head of its lane
    /// if it is the oldest. One that waits already for another one of its entry stays as it is.
    fn retry(&self, delivery: DeliveryId) -> Receipt<()>;

    /// Drops a dead or pending delivery. Where it was the head of its lane, the lane goes on at once.
    fn drop_delivery(&self, delivery: DeliveryId, reason: &str) -> Receipt<()>;

    /// Drops the head of the lane of this person and action, whatever it waits for; answers which one it was. The lane goes
    /// on at once, unless that delivery is being attempted: then once the attempt is settled.
    fn skip(&self, action: &str, person: &Person, reason: &str) -> Receipt<DeliveryId>;

    /// Delivers an old entry to an action again, whatever became of it before. In its lane it takes its entry's place. It
    /// comes after the newest delivery of the entry to each of the actions in `after`.
    fn requeue(&self, seq: u64, action: &str, ordered: bool, after: &[Arc<str>]) -> Receipt<DeliveryId>;

    /// Tells the directory of people without an event. All of them or none; to be called with some hundred at a time.
    /// Answers for how many that changed something.
    fn tell_people(&self, people: Vec<(Person, Sighting)>) -> BoxFuture<'_, Result<u64, JournalError>>;

    /// Brings the directory's index to these forms. Where it has them, that is known at once; else everybody's fields are
    /// made anew, in small transactions. Answers how many there were. A field that is new while people are listed, or was
    /// left out at an earlier call, is not known of everybody until [`Journal::complete_people`]. Whoever stops waiting stops it; it begins anew with
    /// the next call.
    fn index_people(
        &self,
        forms: Vec<FieldForm>,
        anew: Anew,
        progress: Progress,
    ) -> BoxFuture<'_, Result<u64, JournalError>>;

    /// Takes it that these fields are known of everybody who is listed.
    fn complete_people(&self, names: Vec<Arc<str>>) -> Receipt<()>;

    /// Destroys what is known of a person: payloads, its line in the directory, pending deliveries and their secrets, the person's key. Answers how
    /// many entries there were.
    fn forget(&self, person: &Person) -> BoxFuture<'_, Result<u64, JournalError>>;

    /// Seals under the first of the operator's keys what is sealed under another. Answers how many there were.
    fn rekey(&self) -> BoxFuture<'_, Result<u64, JournalError>>;

    /// Wipes secrets whose time is over and cuts off what is older than the retention, in small transactions. To be called
    /// every hour or so. Answers how many entries went.
    fn retain(&self) -> BoxFuture<'_, Result<u64, JournalError>>;

    /// Keeps a notice whose sender was not verified; the oldest make room.
    fn keep_unverified(
        &self,
        id: EntryId,
        received_at: DateTime<Utc>,
        event: &'static str,
        person: &Person,
        record: Vec<u8>,
    ) -> Receipt<()>;

    /// Removes unverified notices up to this number.
    fn remove_unverified(&self, up_to: u64) -> Receipt<u64>;

    /// Keeps the text of a rule set, so that an entry's hash can be understood later.
    fn keep_rule_set(&self, hash: [u8; 32], text: Vec<u8>) -> Receipt<()>;

    /// Adds to a counter; answers its new value, once it is on disk. Whoever adds one gets a number that nobody else got,
    /// higher than all before, from this file.
    fn count(&self, name: &str, by: i64) -> Receipt<i64>;

    /// How it is.
    fn health(&self) -> Health;

    /// Waits until all that is queued is on disk and closes the files.
    fn close(&self) -> BoxFuture<'_, ()>;
}
