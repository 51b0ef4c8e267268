#pragma once

#include <string_view>
#include <vector>

#include "wgscope/model/address.hpp"

namespace wgscope::os {

/// The name servers of a resolv.conf(5), with port 53, as the C library reads them: at most three,
/// and what is not an address is passed over.
std::vector<Endpoint> parse_name_servers(std::string_view resolv_conf);

/// Those of /etc/resolv.conf; the one of this host where it names none or cannot be read. Names may
/// be looked up elsewhere as well: nsswitch.conf(5) says where.
std::vector<Endpoint> system_name_servers();

}  // namespace wgscope::os
