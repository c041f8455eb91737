// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LookingTest {
  private long nanos;
  private final Looking looking = new Looking(() -> nanos += 10_000);
  private int looks;

  /** How many chances are passed over until one is used, in vain. */
  private int passedOver() {
    for (int chances = 0; ; chances++) {
      int before = looks;
      assertEquals(0, looking.look(this::lookInVain));
      if (looks > before) {
        return chances;
      }
    }
  }

  private int lookInVain() {
    looks++;
    return 0;
  }

  @Test
  void looksAgainUntilSomethingComes() {
    assertEquals(3, looking.look(() -> ++looks < 5 ? 0 : 3));
    assertEquals(5, looks);
  }

  @Test
  void looksMoreSeldomWhereItDoesNotPay() {
    List<Integer> passed = new ArrayList<>();
    for (int i = 0; i < 11; i++) {
      passed.add(passedOver());
    }
    assertEquals(List.of(0, 0, 0, 0, 0, 1, 3, 7, 15, 31, 31), passed);
  }

  @Test
  void looksEachTimeAgainWhenItPays() {
    for (int i = 0; i < 8; i++) {
      passedOver();
    }
    int chances = 0;
    while (looking.look(() -> 1) == 0) {
      chances++;
    }
    assertEquals(15, chances);
    for (int i = 0; i < 5; i++) {
      assertEquals(0, passedOver());
    }
    assertEquals(1, passedOver());
  }
}
