// SPDX-License-Identifier: Apache-2.0
#include "daemons/vasto/transfer.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "daemons/cli/outcome.h"
#include "daemons/cli/progress.h"
#include "daemons/cli/text.h"
#include "daemons/vasto/output_file.h"

namespace vasto::tool {
namespace {

using cli::Check;
using cli::Error;
using cli::Make;
using cli::Out;
using Json = nlohmann::ordered_json;

// An exported line holds at most the base64 of the largest key and value, and names; one that
// somebody else wrote may have more escapes than that.
constexpr size_t kMaxLine = (VASTO_MAX_VALUE_SIZE + VASTO_MAX_KEY_SIZE) / 3 * 4 * 2;

// As cli::PutBytes, but never longer than base64: a control character takes six bytes in JSON, and
// a line must be one that an import accepts.
void PutShort(Json* object, const std::string& name, const vasto_slice_t& slice) {
  const std::string_view bytes(static_cast<const char*>(slice.data), slice.size);
  size_t escapes = 0;
  for (const char c : bytes) {
    if (static_cast<uint8_t>(c) < 0x20 || c == '"' || c == '\\') escapes += 5;
  }
  if (escapes <= bytes.size() / 3) {
    cli::PutBytes(object, name, bytes);
  } else {
    (*object)[name + "_base64"] = cli::ToBase64(bytes);
  }
}

std::string RowText(const vasto_kv_t& row) {
  Json object;
  PutShort(&object, "key", row.key);
  PutShort(&object, "value", row.value);
  cli::PutNumber(&object, "updated_at_ns", row.updated_at_ns);
  if (row.expires_at_ns != 0) cli::PutNumber(&object, "expires_at_ns", row.expires_at_ns);
  if (row.type != VASTO_TYPE_BYTES) object["type"] = row.type;
  if (row.flags & VASTO_KEY_HAS_PARTITION_HASH)
    cli::PutNumber(&object, "partition_hash", row.partition_hash);
  return object.dump();
}

// Collects lines into batches and writes them; every entry has its own options. Every failure names
// its line.
class Importer {
 public:
  // name: of the file, for messages.
  Importer(vasto_keyspace_t* keyspace, const ImportArgs& args, std::string name)
      : keyspace_(keyspace),
        args_(args),
        name_(std::move(name)),
        batch_(Make<cli::Batch>(vasto_batch_create)) {}

  void Add(const std::string& line, uint64_t number) {
    try {
      AddEntry(line);
    } catch (const Json::exception& error) {
      throw cli::UsageError(Place(number) + error.what());
    } catch (const cli::UsageError& error) {
      throw cli::UsageError(Place(number) + error.what());
    } catch (const cli::Failure& error) {
      throw cli::Failure(error.code(), Place(number) + error.what());
    }
    lines_.push_back(number);
    if (lines_.size() >= args_.batch || bytes_ >= kFlushBytes) Flush();
  }

  void Flush() {
    const size_t count = lines_.size();
    if (count == 0) return;
    cli::BatchResult result;
    Error error;
    const vasto_status_t code =
        vasto_batch_write(keyspace_, batch_.get(), nullptr, Out(result), error);
    if (!result) Check(Place(lines_.front()) + "write from here on", code, error);
    size_t stale = 0;
    for (size_t i = 0; i < count; ++i) {
      const vasto_status_t entry = vasto_batch_result_code(result.get(), i);
      // Entries older than what is stored change nothing, which is what an import that is repeated
      // wants.
      if (entry == VASTO_STALE_WRITE) {
        ++stale;
      } else if (entry != VASTO_OK) {
        throw cli::Failure(entry, Place(lines_[i]) + cli::Describe(entry, error));
      }
    }
    imported_ += count - stale;
    skipped_ += stale;
    bytes_ = 0;
    lines_.clear();
    vasto_batch_clear(batch_.get());
  }

  // "FILE:LINE: "
  std::string Place(uint64_t line) const { return name_ + ":" + std::to_string(line) + ": "; }
  const std::string& name() const { return name_; }
  uint64_t imported() const { return imported_; }
  uint64_t skipped() const { return skipped_; }

 private:
  static constexpr size_t kFlushBytes = 4 << 20;

  void AddEntry(const std::string& line) {
    const Json object = Json::parse(line);
    if (!object.is_object()) throw cli::UsageError("not a JSON object");
    const std::string key = cli::GetBytes(object, "key");
    const std::string value = cli::GetBytes(object, "value");
    auto options = Make<cli::WriteOptions>(vasto_write_options_create);
    if (!args_.now)
      vasto_write_options_set_updated_at_ns(options.get(), cli::GetNumber(object, "updated_at_ns"));
    const uint64_t expires = cli::GetNumber(object, "expires_at_ns");
    if (expires != 0) vasto_write_options_set_expires_at_ns(options.get(), expires);
    const uint64_t type = cli::GetNumber(object, "type");
    if (type > std::numeric_limits<uint32_t>::max()) throw cli::UsageError("\"type\" is too large");
    vasto_write_options_set_value_type(options.get(), static_cast<uint32_t>(type));
    const vasto_key_t ref =
        object.contains("partition_hash")
            ? vasto_make_key_in(key.data(), key.size(), cli::GetNumber(object, "partition_hash"))
            : vasto_make_key(key.data(), key.size());
    Error error;
    Check("put",
          vasto_batch_put(batch_.get(), &ref, value.data(), value.size(), options.get(), error),
          error);
    bytes_ += key.size() + value.size();
  }

  vasto_keyspace_t* keyspace_;
  const ImportArgs& args_;
  const std::string name_;
  cli::Batch batch_;
  std::vector<uint64_t> lines_;  // of the batch's entries
  size_t bytes_ = 0;
  uint64_t imported_ = 0;
  uint64_t skipped_ = 0;
};

// The next line without its end; false at the end of the file. Stops reading at kMaxLine, so that a
// file that is none of lines does not fill the memory; the line is then longer than that.
bool NextLine(std::istream* in, std::string* line) {
  constexpr size_t kPiece = 64 << 10;
  char piece[kPiece];
  line->clear();
  for (;;) {
    in->getline(piece, kPiece);
    const auto taken = static_cast<size_t>(in->gcount());
    const bool full = in->fail() && !in->eof() && !in->bad() && taken == kPiece - 1;
    const bool ended = in->good();  // the line's end was taken as well
    line->append(piece, ended ? taken - 1 : taken);
    if (full && line->size() <= kMaxLine) {
      in->clear();
      continue;
    }
    return full || ended || !line->empty();
  }
}

void ImportLines(std::istream* in, Importer* importer) {
  cli::Progress progress("import", "rows");
  std::string line;
  for (uint64_t number = 1; NextLine(in, &line); ++number) {
    if (line.size() > kMaxLine) {
      throw cli::UsageError(importer->Place(number) + "the line is longer than " +
                            cli::SizeText(kMaxLine));
    }
    if (!line.empty()) importer->Add(line, number);
    progress.Update(importer->imported(), 0);
  }
  if (in->bad()) throw cli::Failure(VASTO_IO_ERROR, "cannot read " + importer->name());
  importer->Flush();
}

}  // namespace

int Export(cli::Session* session, const ExportArgs& args) {
  auto keyspace = session->OpenKeyspace(args.keyspace);
  OutputFile sink(args.file);
  cli::Iter iter;
  {
    Error error;
    Check("scan",
          vasto_scan_prefix(keyspace.get(), args.prefix.data(), args.prefix.size(), nullptr,
                            Out(iter), error),
          error);
  }
  cli::Progress progress("export", "rows");
  vasto_kv_t rows[256];
  for (uint64_t total = 0;;) {
    size_t count = 0;
    Error error;
    const vasto_status_t code =
        vasto_iter_next_block(iter.get(), rows, std::size(rows), &count, error);
    if (code == VASTO_END) break;
    Check("scan", code, error);
    for (size_t i = 0; i < count; ++i) sink.Line(RowText(rows[i]));
    progress.Update(total += count, 0);
  }
  sink.Finish();
  return cli::kExitOk;
}

int Import(cli::Session* session, const ImportArgs& args) {
  auto keyspace = session->OpenKeyspace(args.keyspace);
  Importer importer(keyspace.get(), args, args.file == "-" ? "stdin" : args.file);
  if (args.file == "-") {
    std::ios::sync_with_stdio(false);  // reads in blocks
    ImportLines(&std::cin, &importer);
  } else {
    std::ifstream in(args.file, std::ios::binary);
    if (!in) cli::FailErrno("open " + args.file);
    ImportLines(&in, &importer);
  }
  if (session->json()) {
    std::printf(
        "%s\n",
        Json{{"schema", 1}, {"imported", importer.imported()}, {"skipped", importer.skipped()}}
            .dump()
            .c_str());
  } else {
    std::printf("imported %llu, skipped %llu older than what is stored\n",
                static_cast<unsigned long long>(importer.imported()),
                static_cast<unsigned long long>(importer.skipped()));
  }
  return cli::kExitOk;
}

}  // namespace vasto::tool
