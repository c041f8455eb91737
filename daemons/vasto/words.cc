// SPDX-License-Identifier: Apache-2.0
#include "daemons/vasto/words.h"

#include "daemons/cli/outcome.h"

namespace vasto::tool {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  throw cli::UsageError("\\x needs two hexadecimal digits");
}

// Reads the escape after a backslash; advances *line past it.
char Unescape(std::string_view* line) {
  if (line->empty()) throw cli::UsageError("the line ends with a backslash");
  const char c = line->front();
  line->remove_prefix(1);
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case '0':
      return '\0';
    case '\\':
    case '"':
    case '\'':
    case ' ':
      return c;
    case 'x': {
      if (line->size() < 2) throw cli::UsageError("\\x needs two hexadecimal digits");
      const int value = HexDigit((*line)[0]) * 16 + HexDigit((*line)[1]);
      line->remove_prefix(2);
      return static_cast<char>(value);
    }
    default:
      throw cli::UsageError(std::string("unknown escape \\") + c);
  }
}

}  // namespace

std::vector<std::string> SplitWords(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  while (!line.empty()) {
    const char c = line.front();
    line.remove_prefix(1);
    if (quote == 0 && (c == ' ' || c == '\t')) {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
      continue;
    }
    in_word = true;
    if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == '\\' && quote != '\'') {
      word.push_back(Unescape(&line));
    } else {
      word.push_back(c);
    }
  }
  if (quote != 0) throw cli::UsageError("the quote is not closed");
  if (in_word) words.push_back(std::move(word));
  return words;
}

}  // namespace vasto::tool
