// SPDX-License-Identifier: Apache-2.0
// Whether a port can be served on, asked before anything else is done.
// Threads: any.
#pragma once

#include <string>
#include <string_view>

#include "core/base/status.h"

namespace vasto::daemons {

// Binds the address HOST:PORT and lets it go again. kAlreadyExists when another process serves
// there, kInvalidArgument for what is no address of this machine; the message starts with the flag
// and names the address. Port 0: only whether the host is one of this machine. Somebody may still
// take the port before it is bound in earnest: that fails later, with the server's own message.
// Blocks while the name service looks for a host that is a name.
Status CheckCanListen(std::string_view flag, const std::string& address);

// Whether it listens on every address of the machine, which is no address that others could use:
// 0.0.0.0 or [::].
bool IsWildcard(std::string_view host);

}  // namespace vasto::daemons
