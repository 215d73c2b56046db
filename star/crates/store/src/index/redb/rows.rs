//! The rows of the file at one moment, and reading them.

use bytes::Bytes;
use redb::{Database, Error, ReadOnlyTable, ReadableDatabase};
use star_core::ports::meta::{Key, KeyRange, Revision, ScanPage, Shard};

use super::{ROWS, bounds, decode_row_header, failed, nonsense};
use crate::index::{IndexError, Row, View, is_empty, is_since, row};
use crate::limits::PAGE_BYTES;

/// The table of rows at one moment. The engine gives no page of it to others while it is kept.
pub(super) struct Rows(ReadOnlyTable<&'static [u8], &'static [u8]>);

impl Rows {
    /// As they are.
    pub(super) fn now(database: &Database) -> Result<Rows, Error> {
        Ok(Rows(database.begin_read()?.open_table(ROWS)?))
    }
}

impl View for Rows {
    fn read(&self, keys: &[Key]) -> Result<Vec<Option<Row>>, IndexError> {
        let run = || -> Result<Vec<Option<Row>>, Error> {
            keys.iter()
                .map(|key| self.0.get(key.as_bytes())?.map(|row| decode_row(key.as_bytes(), row.value())).transpose())
                .collect()
        };
        run().map_err(failed)
    }

    fn scan(&self, range: &KeyRange, limit: usize) -> Result<ScanPage, IndexError> {
        let mut page = ScanPage::default();
        let mut bytes = 0;
        let mut run = || -> Result<(), Error> {
            if is_empty(range) {
                return Ok(());
            }
            for entry in self.0.range::<&[u8]>(bounds(range))? {
                let (key, row) = entry?;
                if page.rows.len() == limit || bytes >= PAGE_BYTES {
                    page.next = Some(Key::new(Bytes::copy_from_slice(key.value())));
                    break;
                }
                bytes += key.value().len() + row.value().len();
                page.rows.push((
                    Key::new(Bytes::copy_from_slice(key.value())),
                    decode_row(key.value(), row.value())?.into(),
                ));
            }
            Ok(())
        };
        run().map_err(failed)?;
        Ok(page)
    }

    fn written_since(
        &self,
        range: &KeyRange,
        shard: Shard,
        since: Revision,
        except: &dyn Fn(&[u8]) -> bool,
    ) -> Result<Option<Row>, IndexError> {
        let run = || -> Result<Option<Row>, Error> {
            if is_empty(range) {
                return Ok(None);
            }
            for entry in self.0.range::<&[u8]>(bounds(range))? {
                let (key, row) = entry?;
                let header = decode_row_header(key.value(), row.value())?;
                if is_since(header.shard, header.modified, shard, since) && !except(key.value()) {
                    return Ok(Some(decode_row(key.value(), row.value())?));
                }
            }
            Ok(None)
        };
        run().map_err(failed)
    }
}

fn decode_row(key: &[u8], bytes: &[u8]) -> Result<Row, Error> {
    row::decode(key, bytes).map_err(nonsense)
}
