// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import com.sun.jna.Callback;
import com.sun.jna.CallbackReference;
import com.sun.jna.CallbackThreadInitializer;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Brings log messages from the library's threads to the handlers of the user.
 *
 * <p>The library has one function for all clients, which lives as long as the process, and a number
 * instead of a pointer: a message that comes late finds nobody. Handlers run on a thread of their
 * own, since they must not hold up the library, or call it from its own threads; what they do not
 * keep up with is dropped.
 */
final class LogRelay {
  /** {@code vasto_log_callback_t}. */
  interface NativeCallback extends Callback {
    void invoke(long userData, int level, long message);
  }

  /** A handler that receives messages until its end. */
  record Registration(long id, LogHandler handler, LogLevel level) {
    static final Registration NONE = new Registration(0, null, null);

    void end() {
      HANDLERS.remove(id);
    }
  }

  private static final int MOST_WAITING = 1024;
  private static final Map<Long, LogHandler> HANDLERS = new ConcurrentHashMap<>();
  private static final AtomicLong LAST_ID = new AtomicLong();
  private static final ThreadPoolExecutor THREAD = thread();
  private static final NativeCallback CALLBACK = LogRelay::receive;
  private static final long CALLBACK_ADDRESS = callbackAddress();

  private LogRelay() {}

  static Registration register(LogHandler handler, LogLevel level) {
    if (handler == null) {
      return Registration.NONE;
    }
    Registration registration = new Registration(LAST_ID.incrementAndGet(), handler, level);
    HANDLERS.put(registration.id(), handler);
    return registration;
  }

  /** Has clients that are opened with this native configuration send their messages. */
  static void attach(Registration registration, long config) {
    if (registration.handler() != null) {
      Functions.api()
          .vasto_config_set_log_callback(
              config, CALLBACK_ADDRESS, registration.id(), registration.level().ordinal());
    }
  }

  private static long callbackAddress() {
    // Threads of the library are no reason to keep the virtual machine running.
    Native.setCallbackThreadInitializer(CALLBACK, new CallbackThreadInitializer(true));
    return Pointer.nativeValue(CallbackReference.getFunctionPointer(CALLBACK));
  }

  private static void receive(long id, int level, long message) {
    LogHandler handler = HANDLERS.get(id);
    if (handler != null) {
      String text = NativeMemory.text(message);
      THREAD.execute(() -> handler.log(LogLevel.of(level), text));
    }
  }

  private static ThreadPoolExecutor thread() {
    ThreadPoolExecutor executor =
        new ThreadPoolExecutor(
            1,
            1,
            5,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(MOST_WAITING),
            task -> {
              Thread thread = new Thread(task, "vasto-log");
              thread.setDaemon(true);
              thread.setUncaughtExceptionHandler((where, what) -> {});
              return thread;
            },
            new ThreadPoolExecutor.DiscardPolicy());
    executor.allowCoreThreadTimeOut(true);
    return executor;
  }
}
