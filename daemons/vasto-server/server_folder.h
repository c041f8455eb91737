// SPDX-License-Identifier: Apache-2.0
// The folder of a vasto-server: store1, store2, …, each the folder of one store.
// Threads: one.
#pragma once

#include <string>

#include "core/base/file.h"
#include "core/base/status.h"

namespace vasto::daemons {

// Looks before anything is written. OK when there is no such folder, when it is empty, or when it
// holds the stores of a server and no more than `stores` of them. kInvalidArgument for a folder
// that holds something else (a server's own folder may hold anything beside its stores) and for one
// with more stores, whose shards would be missing. Errors name the folder.
Status CheckServerFolder(FileSystem* files, const std::string& dir, int stores);

// kInvalidArgument when one of the two folders is, or is within, the other. Symbolic links are
// followed; neither needs to be there. The flags are for the message.
Status CheckApart(const std::string& flag, const std::string& folder, const std::string& other_flag,
                  const std::string& other);

// "DIR/store1" for index 0.
std::string StoreFolderOf(const std::string& dir, int index);

}  // namespace vasto::daemons
