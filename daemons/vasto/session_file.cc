// SPDX-License-Identifier: Apache-2.0
#include "daemons/vasto/session_file.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "daemons/cli/outcome.h"
#include "daemons/vasto/output_file.h"

namespace vasto::tool {
namespace {

// A token of all shards with many positions each is far smaller.
constexpr size_t kMaxFileBytes = 16 << 20;

// Empty when there is no such file.
std::string ReadFile(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                             &std::fclose);
  if (file == nullptr) {
    if (errno != ENOENT) cli::FailErrno("read session " + path);
    return "";
  }
  std::string bytes;
  char piece[4096];
  while (const size_t count = std::fread(piece, 1, sizeof(piece), file.get())) {
    bytes.append(piece, count);
    if (bytes.size() > kMaxFileBytes) {
      throw cli::Failure(VASTO_INVALID_ARGUMENT, "session " + path + ": the file holds no session");
    }
  }
  if (std::ferror(file.get()) != 0) cli::FailErrno("read session " + path);
  return bytes;
}

}  // namespace

void SessionFile::AddOption(CLI::App* command, std::string* path) {
  command
      ->add_option("--session", *path,
                   "see at least what the commands with this FILE have seen and written")
      ->type_name("FILE");
}

SessionFile::SessionFile(vasto_keyspace_t* keyspace, const std::string& path) : path_(path) {
  if (path_.empty()) return;
  cli::Error error;
  cli::Check("begin a session", vasto_session_create(keyspace, cli::Out(session_), error), error);
  kept_ = ReadFile(path_);
  if (kept_.empty()) return;
  cli::Error wrong;
  cli::Check("session " + path_,
             vasto_session_import(session_.get(), kept_.data(), kept_.size(), wrong), wrong);
}

std::string SessionFile::Token() const {
  std::string token;
  size_t size = 0;
  cli::Error error;
  // Nobody else uses the session, so it does not grow meanwhile.
  if (vasto_session_token(session_.get(), nullptr, 0, &size, nullptr) == VASTO_BUFFER_TOO_SMALL) {
    token.resize(size);
  }
  cli::Check("session " + path_,
             vasto_session_token(session_.get(), token.data(), token.size(), &size, error), error);
  return token;
}

void SessionFile::Keep() {
  if (session_ == nullptr) return;
  std::string token = Token();
  if (token == kept_) return;
  OutputFile file(path_);
  file.Write(token);
  file.Finish();
  kept_ = std::move(token);
}

}  // namespace vasto::tool
