// SPDX-License-Identifier: Apache-2.0
#include "daemons/vasto/read_from.h"

#include <CLI/CLI.hpp>
#include <map>
#include <string>

#include "daemons/cli/number.h"

namespace vasto::tool {

void ReadFrom::AddOptions(CLI::App* command, bool with_hedge) {
  const std::map<std::string, int32_t> names{{"primary", VASTO_REPLICA_PRIMARY},
                                             {"any", VASTO_REPLICA_ANY},
                                             {"nearest", VASTO_REPLICA_NEAREST}};
  auto* read = command->add_option("--read", replica,
                                   "which replica answers: primary (default), any or nearest");
  read->transform(CLI::CheckedTransformer(names))->type_name("NAME");
  auto* bound = command->add_option("--max-staleness", max_staleness_ms,
                                    "with --read: no older than MS; 0, the default: no bound");
  bound->type_name("MS")->needs(read);
  cli::TakesWholeNumber(bound, 0, UINT64_MAX);
  if (!with_hedge) return;
  command->add_flag("--hedge", hedge, "with --read: ask a second replica when the first is slow")
      ->needs(read);
}

cli::ReadOptions ReadFrom::Options() const {
  auto options = cli::Make<cli::ReadOptions>(vasto_read_options_create);
  vasto_read_options_set_replica(options.get(), replica);
  vasto_read_options_set_max_staleness_ms(options.get(), max_staleness_ms);
  vasto_read_options_set_hedge(options.get(), hedge);
  return options;
}

void ReadFrom::Apply(vasto_scan_options_t* options) const {
  vasto_scan_options_set_replica(options, replica);
  vasto_scan_options_set_max_staleness_ms(options, max_staleness_ms);
}

}  // namespace vasto::tool
