// SPDX-License-Identifier: Apache-2.0
//! Many operations that are started into a queue in one call, which sends them together.

use std::ptr;

use vasto_sys::{vasto_error_t, vasto_future_t, vasto_slice_t, vasto_status_t};

use crate::async_keyspace::{take_value, take_version, AsyncKeyspace};
use crate::error::{call, Error, Result};
use crate::handle::Handle;
use crate::key::Key;
use crate::keyspace::Keyspace;
use crate::operation::{InFlight, Operation};
use crate::options::{pointer, ReadOptions, WriteOptions};
use crate::queue::Queue;
use crate::value::Value;

impl<D> Queue<Option<Value>, D> {
    /// Starts [`AsyncKeyspace::get`] for each key, all in one call: what is started together is sent
    /// together. As [`add`](Queue::add) otherwise, but a key that is refused, as one that is too long,
    /// comes out with its error like any other.
    ///
    /// # Errors
    /// As [`AsyncKeyspace::get`], but for what a key is refused for. What was started before stays in
    /// the queue.
    pub fn start_gets<'k, K: Into<Key<'k>>>(
        &self,
        keyspace: &AsyncKeyspace,
        gets: impl IntoIterator<Item = (K, D)>,
        options: &ReadOptions,
    ) -> Result<()> {
        let keyspace = keyspace.keyspace();
        let (api, queue) = (self.api(), self.raw());
        let options = Some(options.raw(api)?);
        let gets = gets.into_iter().map(|(key, data)| (key.into().raw(), data));
        let (keys, data): (Vec<_>, Vec<D>) = gets.unzip();
        self.start(keyspace, data, take_value, |tags, futures, error| {
            // SAFETY: all pointers are good for the call, and the arrays of one size.
            unsafe {
                (api.vasto_queue_start_gets)(
                    queue,
                    keyspace.raw(),
                    keys.as_ptr(),
                    tags.as_ptr(),
                    keys.len(),
                    pointer(&options),
                    futures.as_mut_ptr(),
                    error,
                )
            }
        })
    }
}

impl<D> Queue<u64, D> {
    /// Starts [`AsyncKeyspace::put`] for each key and value; otherwise as
    /// [`start_gets`](Queue::start_gets).
    ///
    /// # Errors
    /// As [`start_gets`](Queue::start_gets).
    pub fn start_puts<'k, K: Into<Key<'k>>, V: AsRef<[u8]>>(
        &self,
        keyspace: &AsyncKeyspace,
        puts: impl IntoIterator<Item = (K, V, D)>,
        options: &WriteOptions,
    ) -> Result<()> {
        let keyspace = keyspace.keyspace();
        let (api, queue) = (self.api(), self.raw());
        let options = Some(options.raw(api)?);
        let (mut keys, mut values, mut data) = (Vec::new(), Vec::new(), Vec::new());
        for (key, value, with) in puts {
            keys.push(key.into().raw());
            values.push(value);
            data.push(with);
        }
        let slices: Vec<vasto_slice_t> = values.iter().map(|value| slice(value.as_ref())).collect();
        self.start(keyspace, data, take_version, |tags, futures, error| {
            // SAFETY: all pointers are good for the call, and the arrays of one size.
            unsafe {
                (api.vasto_queue_start_puts)(
                    queue,
                    keyspace.raw(),
                    keys.as_ptr(),
                    slices.as_ptr(),
                    tags.as_ptr(),
                    keys.len(),
                    pointer(&options),
                    futures.as_mut_ptr(),
                    error,
                )
            }
        })
    }
}

impl<T, D> Queue<T, D> {
    /// Has `start` start an operation for each of `data`.
    fn start(
        &self,
        keyspace: &Keyspace,
        data: Vec<D>,
        take: impl FnOnce(&mut InFlight) -> Result<T> + Copy + Send + Sync + 'static,
        start: impl FnOnce(
            &[u64],
            &mut [*mut vasto_future_t],
            *mut *mut vasto_error_t,
        ) -> vasto_status_t,
    ) -> Result<()> {
        let api = self.api();
        if !ptr::eq(keyspace.api(), api) {
            return Err(Error::invalid("the keyspace is of another library"));
        }
        let mut futures = vec![ptr::null_mut(); data.len()];
        // Whoever takes one of them out waits until all are in their places.
        let mut running = self.running();
        let tags: Vec<u64> = data
            .into_iter()
            .map(|data| running.insert((Operation::taken(), data)) as u64)
            .collect();
        let started = call(api, |error| start(&tags, &mut futures, error));
        let mut refused = Vec::new();
        for (&tag, &future) in tags.iter().zip(&futures) {
            let place = tag as usize;
            match Handle::adopt(future, api.vasto_future_destroy) {
                Some(future) => {
                    if let Some((operation, _)) = running.get_mut(place) {
                        *operation = Operation::new(Ok(InFlight::adopt(keyspace, future)), take);
                    }
                }
                None => refused.extend(running.remove(place)),
            }
        }
        drop(running);
        started
    }
}

fn slice(bytes: &[u8]) -> vasto_slice_t {
    vasto_slice_t {
        data: bytes.as_ptr().cast(),
        size: bytes.len(),
    }
}
