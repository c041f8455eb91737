// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import io.vasto.client.VastoException.Details;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Takes results out of futures that are done. */
final class Takers {
  /** Stands for a code that the library did not write. */
  private static final int UNWRITTEN = -1;

  static final Taker<Optional<Value>> VALUE = (results, index) -> read(results, index, Rows::value);
  static final Taker<Optional<Stat>> STAT = (results, index) -> read(results, index, Rows::stat);
  static final Taker<Long> VERSION = Takers::version;
  static final Taker<BatchResult> BATCH = Takers::batch;

  private Takers() {}

  private static <T> Optional<T> read(Results results, int index, RowReader<T> reader) {
    int code = results.code(index);
    if (code == Errors.OK) {
      return Optional.of(reader.read(results.rows(), index));
    }
    long error = errorOf(results.future(index));
    // With an error it is the keyspace that is gone.
    if (code == Errors.NOT_FOUND && error == 0) {
      return Optional.empty();
    }
    throw Errors.of(code, error);
  }

  private interface RowReader<T> {
    T read(Rows rows, int index);
  }

  private static Long version(Results results, int index) {
    requireOk(results, index);
    return results.rows().version(index);
  }

  /** For an operation that brings nothing but its code. */
  static void requireOk(Results results, int index) {
    int code = results.code(index);
    if (code != Errors.OK) {
      throw Errors.of(code, errorOf(results.future(index)));
    }
  }

  /** The error of an operation that failed, which the caller then owns; 0 for none. */
  private static long errorOf(long future) {
    Scratch scratch = Scratch.begin();
    Functions.api().vasto_future_status(future, scratch.err());
    return scratch.takeError();
  }

  static List<ReadResult> values(long future, int count) {
    Scratch scratch = Scratch.begin(12L * count + 16);
    long values = scratch.take(8 * count);
    long codes = scratch.take(4 * count);
    for (int i = 0; i < count; i++) {
      scratch.putInt(codes + 4L * i, UNWRITTEN);
      scratch.putLong(values + 8L * i, 0);
    }
    int code =
        Functions.api().vasto_future_take_values(future, values, codes, count, scratch.err());
    VastoException whole = code == Errors.OK ? null : Errors.of(code, scratch.takeError());
    if (whole != null && (count == 0 || scratch.getInt(codes) == UNWRITTEN)) {
      throw whole;
    }
    // What follows has the scratch memory for itself.
    long[] handles = new long[count];
    int[] results = new int[count];
    for (int i = 0; i < count; i++) {
      handles[i] = scratch.getLong(values + 8L * i);
      results[i] = scratch.getInt(codes + 4L * i);
    }
    List<ReadResult> list = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      list.add(result(handles[i], results[i], whole));
    }
    return list;
  }

  private static ReadResult result(long value, int code, VastoException whole) {
    if (value != 0) {
      return new ReadResult(Value.take(value), null);
    }
    if (code == Errors.NOT_FOUND && (whole == null || whole.rawCode() != code)) {
      return new ReadResult(null, null);
    }
    // The library tells why only of the first that failed.
    boolean first = whole != null && whole.rawCode() == code;
    return new ReadResult(null, first ? Errors.of(whole.details()) : Errors.of(code, 0));
  }

  private static BatchResult batch(Results results, int index) {
    long future = results.future(index);
    NativeApi api = Functions.api();
    Scratch scratch = Scratch.begin();
    int code = api.vasto_future_take_batch_result(future, scratch.out(0), scratch.err());
    long result = scratch.result(0);
    Details failure = code == Errors.OK ? null : Errors.details(code, scratch.takeError());
    if (failure != null && result == 0) {
      throw Errors.of(failure);
    }
    BatchResult copy = copy(api, result);
    if (failure != null) {
      throw new BatchException(failure, copy);
    }
    return copy;
  }

  private static BatchResult copy(NativeApi api, long result) {
    try {
      int count = Math.toIntExact(api.vasto_batch_result_count(result));
      int[] codes = new int[count];
      long[] versions = new long[count];
      for (int i = 0; i < count; i++) {
        codes[i] = api.vasto_batch_result_code(result, i);
        versions[i] = api.vasto_batch_result_version(result, i);
      }
      return new BatchResult(codes, versions);
    } finally {
      api.vasto_batch_result_destroy(result);
    }
  }
}
