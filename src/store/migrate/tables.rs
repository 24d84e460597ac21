//! Which tables are copied, in the order in which rows refer to each other.

use super::MigrateError;
use crate::store::StoreError;
use crate::store::postgres::Import;
use crate::store::sqlite::Export;

/// What comes before every key of a table.
const BEFORE: i64 = i64::MIN;

/// Copies every table. Calls `progress` with the number of messages copied.
pub fn copy_all(
    export: &mut Export,
    import: &mut Import,
    progress: impl FnMut(u64),
) -> Result<(), MigrateError> {
    copy_accounts(export, import)?;
    copy_messages(export, import, progress)?;
    copy_read_marks(export, import)?;
    copy_channels(export, import)
}

fn copy_accounts(export: &mut Export, import: &mut Import) -> Result<(), MigrateError> {
    copy(
        (export, import),
        BEFORE,
        |from, last| from.accounts(*last),
        |row| row.id,
        Import::accounts,
    )?;
    copy(
        (export, import),
        (BEFORE, String::new()),
        |from, (account, key)| from.ignored((*account, key)),
        |row| (row.account_id, row.nickname_key.clone()),
        Import::ignored,
    )?;
    copy(
        (export, import),
        String::new(),
        |from, last| from.invitations(last),
        |row| row.id.clone(),
        Import::invitations,
    )?;
    copy_signing_in(export, import)?;
    copy_programs(export, import)
}

/// What accounts have signed in with, and from where.
fn copy_signing_in(export: &mut Export, import: &mut Import) -> Result<(), MigrateError> {
    copy(
        (export, import),
        String::new(),
        |from, last| from.tokens(last),
        |row| row.access_key_id.clone(),
        Import::tokens,
    )?;
    copy(
        (export, import),
        String::new(),
        |from, last| from.sign_ins(last),
        |row| row.id.clone(),
        Import::sign_ins,
    )?;
    // Without these, passes that were signed out would be valid again.
    copy(
        (export, import),
        String::new(),
        |from, last| from.ended_passes(last),
        |row| row.pass.clone(),
        Import::ended_passes,
    )?;
    copy(
        (export, import),
        BEFORE,
        |from, last| from.resets(*last),
        |row| row.account_id,
        Import::resets,
    )?;
    copy(
        (export, import),
        (BEFORE, String::new()),
        |from, (account, address)| from.known_addresses((*account, address)),
        |row| (row.account_id, row.address.clone()),
        Import::known_addresses,
    )?;
    copy(
        (export, import),
        BEFORE,
        |from, last| from.remote_users(*last),
        |row| row.account_id,
        Import::remote_users,
    )
}

fn copy_programs(export: &mut Export, import: &mut Import) -> Result<(), MigrateError> {
    copy(
        (export, import),
        BEFORE,
        |from, last| from.bots(*last),
        |row| *row,
        Import::bots,
    )?;
    copy(
        (export, import),
        String::new(),
        |from, last| from.programs(last),
        |row| row.id.clone(),
        Import::programs,
    )?;
    copy_hooks(export, import)
}

fn copy_hooks(export: &mut Export, import: &mut Import) -> Result<(), MigrateError> {
    copy(
        (export, import),
        String::new(),
        |from, last| from.hooks(last),
        |row| row.id.clone(),
        Import::hooks,
    )?;
    copy(
        (export, import),
        (String::new(), String::new()),
        |from, (program, mark)| from.calls((program, mark)),
        |row| (row.program_id.clone(), row.mark.clone()),
        Import::calls,
    )?;
    copy(
        (export, import),
        String::new(),
        |from, last| from.outgoing(last),
        |row| row.id.clone(),
        Import::outgoing,
    )?;
    copy(
        (export, import),
        (String::new(), BEFORE),
        |from, (hook, message)| from.deliveries((hook, *message)),
        |row| (row.hook_id.clone(), row.message_id),
        Import::deliveries,
    )
}

fn copy_messages(
    export: &mut Export,
    import: &mut Import,
    mut progress: impl FnMut(u64),
) -> Result<(), MigrateError> {
    copy(
        (export, import),
        BEFORE,
        |from, last| from.conversations(*last),
        |row| row.id,
        Import::conversations,
    )?;
    // They were copied in order, so all up to the last one are there.
    let mut copied = import.counts()?.messages;
    let last = match copied {
        0 => BEFORE,
        _ => import.last_message()?,
    };
    progress(copied);
    copy(
        (export, import),
        last,
        |from, last| from.messages(*last),
        |row| row.id,
        |to, rows| {
            to.messages(rows)?;
            copied += rows.len() as u64;
            progress(copied);
            Ok(())
        },
    )
}

fn copy_read_marks(export: &mut Export, import: &mut Import) -> Result<(), MigrateError> {
    copy(
        (export, import),
        (BEFORE, BEFORE),
        |from, last| from.read_marks(*last),
        |row| (row.account_id, row.peer_id),
        Import::read_marks,
    )
}

fn copy_channels(export: &mut Export, import: &mut Import) -> Result<(), MigrateError> {
    copy(
        (export, import),
        String::new(),
        |from, last| from.rules(last),
        |row| row.channel_key.clone(),
        Import::rules,
    )?;
    copy(
        (export, import),
        BEFORE,
        |from, last| from.changes(*last),
        |row| row.id,
        Import::changes,
    )?;
    copy(
        (export, import),
        (BEFORE, String::new()),
        |from, (account, key)| from.saved_channels((*account, key)),
        |row| (row.account_id, row.channel_key.clone()),
        Import::saved_channels,
    )?;
    copy_orders(export, import)
}

/// What administrators have laid down for channels, and what they have ordered to erase.
fn copy_orders(export: &mut Export, import: &mut Import) -> Result<(), MigrateError> {
    copy(
        (export, import),
        String::new(),
        |from, last| from.keepings(last),
        |row| row.channel_key.clone(),
        Import::keepings,
    )?;
    copy(
        (export, import),
        BEFORE,
        |from, last| from.erasings(*last),
        |row| row.account_id,
        Import::erasings,
    )
}

/// Copies one table, batch by batch: `read` gets the rows after a key, which `key` takes from the last
/// row of a batch.
fn copy<R, K>(
    (export, import): (&mut Export, &mut Import),
    first: K,
    read: impl Fn(&mut Export, &K) -> Result<Vec<R>, StoreError>,
    key: impl Fn(&R) -> K,
    mut write: impl FnMut(&mut Import, &[R]) -> Result<(), StoreError>,
) -> Result<(), MigrateError> {
    let mut last = first;
    loop {
        let rows = read(export, &last).map_err(MigrateError::Reading)?;
        let Some(end) = rows.last() else {
            return Ok(());
        };
        last = key(end);
        write(import, &rows)?;
    }
}
