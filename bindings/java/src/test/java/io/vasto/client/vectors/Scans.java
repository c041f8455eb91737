// SPDX-License-Identifier: Apache-2.0
package io.vasto.client.vectors;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.vasto.client.Keyspace;
import io.vasto.client.Row;
import io.vasto.client.Scan;
import io.vasto.client.ScanOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Plays the steps that scan. */
final class Scans {
  private final Form form;
  private final Keyspace keyspace;
  private final Map<String, byte[]> tokens;

  Scans(Form form, Keyspace keyspace, Map<String, byte[]> tokens) {
    this.form = form;
    this.keyspace = keyspace;
    this.tokens = tokens;
  }

  void play(JsonObject step, JsonObject expect, String wanted) {
    Fields.requireKnown(expect, "code", "rows");
    Player.known(
        step,
        "prefix",
        "start",
        "end",
        "limit",
        "keys_only",
        "page_bytes",
        "take",
        "save_token",
        "resume");
    long take = step.has("take") ? step.get("take").getAsLong() : Long.MAX_VALUE;
    try (Scan scan = open(step)) {
      List<Row> rows = rows(scan, take);
      if (step.has("save_token")) {
        tokens.put(step.get("save_token").getAsString(), scan.resumeToken());
      }
      if (expect.has("rows") && wanted.equals("OK")) {
        check(expect.getAsJsonArray("rows"), rows);
      }
    }
  }

  private Scan open(JsonObject step) {
    ScanOptions.Builder options = ScanOptions.builder();
    if (step.has("limit")) {
      options.limit(step.get("limit").getAsLong());
    }
    if (step.has("page_bytes")) {
      options.pageBytes(step.get("page_bytes").getAsLong());
    }
    if (step.has("resume")) {
      options.resumeToken(Player.tokenOf(tokens, step.get("resume").getAsString()));
    }
    options.keysOnly(Fields.flag(step, "keys_only"));
    return step.has("start")
        ? keyspace.scanRange(
            Fields.bytes(step, "start"), Fields.bytes(step, "end"), options.build())
        : keyspace.scan(Fields.bytes(step, "prefix"), options.build());
  }

  private List<Row> rows(Scan scan, long take) {
    List<Row> rows = new ArrayList<>();
    List<Row> block;
    do {
      int most = (int) Math.min(take - rows.size(), 100);
      if (most == 0) {
        break;
      }
      block = form.call(() -> scan.nextBlock(most), () -> scan.nextBlockAsync(most));
      rows.addAll(block);
    } while (!block.isEmpty());
    return rows;
  }

  private static void check(JsonArray wanted, List<Row> rows) {
    Check.same("rows", wanted.size(), rows.size());
    for (int i = 0; i < rows.size(); i++) {
      JsonObject row = wanted.get(i).getAsJsonObject();
      Fields.requireKnown(row, "key", "value", "size");
      Check.bytes("key of row " + i, Fields.bytes(row.get("key")), rows.get(i).key().bytes());
      if (row.has("value")) {
        Check.bytes("value of row " + i, Fields.bytes(row.get("value")), rows.get(i).value());
      }
      if (row.has("size")) {
        Check.same("size of row " + i, row.get("size").getAsLong(), rows.get(i).stat().size());
        Check.bytes("value of row " + i, null, rows.get(i).value());
      }
    }
  }
}
