#include "checks/nat/upnp.hpp"

#include <string>

#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/diagnosis/nat.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::checks {
namespace {

IpAddress address(const char* text) { return IpAddress::parse(text).value(); }

TEST(UpnpUrls, LeadToTheRouterOrNowhere) {
  const IpAddress router = address("10.7.0.1");
  for (const char* url : {"http://10.7.0.1/", "http://10.7.0.1:5000/root.xml", "http://10.7.0.1"})
    EXPECT_TRUE(leads_to(url, router)) << url;
  for (const char* url :
       {"", "http://10.7.0.10/", "http://10.7.0.1.example.net/", "http://10.7.0.1@192.0.2.1/",
        "http://10.7.0.1:x@192.0.2.1/", "http://192.0.2.1/http://10.7.0.1/", "https://10.7.0.1/",
        "file:///10.7.0.1", " http://10.7.0.1/"})
    EXPECT_FALSE(leads_to(url, router)) << url;
}

TEST(UpnpFacts, ArriveAsTheyWereSent) {
  diagnosis::UpnpFacts facts = read_upnp_facts(write_upnp_facts({}));
  EXPECT_FALSE(facts.found || facts.outer || facts.error);
  facts = read_upnp_facts(
      write_upnp_facts({.found = true, .outer = address("203.0.113.5"), .error = {}}));
  EXPECT_TRUE(facts.found);
  EXPECT_EQ(facts.outer, address("203.0.113.5"));
  EXPECT_FALSE(facts.error);
  facts = read_upnp_facts(
      write_upnp_facts({.found = true, .outer = {}, .error = Error{Errc::io, "broken"}}));
  EXPECT_TRUE(facts.found);
  EXPECT_FALSE(facts.outer);
  EXPECT_EQ(facts.error->context, "broken");
}

TEST(UpnpFacts, ThatBreakOffAreAnError) {
  for (const char* text : {"", "found", "found\n", "found\n203.0.113.5\n", "found\n\nhalf"}) {
    const diagnosis::UpnpFacts facts = read_upnp_facts(text);
    EXPECT_TRUE(facts.error) << text;
    EXPECT_FALSE(facts.found) << text;
  }
}

}  // namespace
}  // namespace wgscope::checks
