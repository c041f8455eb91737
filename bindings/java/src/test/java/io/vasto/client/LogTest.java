// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class LogTest {
  @Test
  void messagesComeToTheHandlerOnAThreadOfTheBinding() {
    ConcurrentLinkedQueue<String> messages = new ConcurrentLinkedQueue<>();
    AtomicBoolean thrown = new AtomicBoolean();
    ClientConfig config =
        new ClientConfig()
            .masters("127.0.0.1:1")
            .set("connect_timeout_ms", "300")
            .onLog(
                LogLevel.DEBUG,
                (level, message) -> {
                  // One that throws loses its message only.
                  if (thrown.compareAndSet(false, true)) {
                    throw new IllegalStateException("of the handler");
                  }
                  messages.add(Thread.currentThread().getName() + ": " + message);
                });
    TestCluster.await(
        "messages",
        () -> {
          assertThrows(VastoUnavailableException.class, () -> Client.open(config));
          return !messages.isEmpty();
        });
    assertEquals("vasto-log", messages.peek().substring(0, 9));
    assertFalse(messages.peek().endsWith("\n"));
  }

  @Test
  void levelsAreThoseOfTheLibrary() {
    assertEquals(LogLevel.DEBUG, LogLevel.of(0));
    assertEquals(LogLevel.ERROR, LogLevel.of(3));
    assertEquals(LogLevel.ERROR, LogLevel.of(17));
  }
}
