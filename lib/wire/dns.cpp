#include "wgscope/wire/dns.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::wire {
namespace {

constexpr std::size_t kHeaderSize = 12;    // RFC 1035 §4.1.1
constexpr std::size_t kLongestLabel = 63;  // §2.3.4
constexpr std::size_t kLongestName = 255;  // §2.3.4, length bytes included
constexpr std::size_t kLongestText = 253;  // what fits into that, in dots
constexpr std::uint16_t kClassIn = 1;
constexpr unsigned kResponse = 0x8000;
constexpr unsigned kOpcode = 0x7800;
constexpr unsigned kTruncated = 0x0200;
constexpr unsigned kRecursionDesired = 0x0100;
constexpr unsigned kPointer = 0xc0;
constexpr int kMostAliases = 16;

/// Reads a message from front to back; after the first step beyond its end every read gives zeros
/// and ok() is false.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> message) : message_(message) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t position() const { return position_; }

  std::uint16_t be16() {
    const auto bytes = take(2);
    return ok_ ? load_be16(bytes.first<2>()) : std::uint16_t{0};
  }
  std::uint32_t be32() {
    const auto bytes = take(4);
    return ok_ ? load_be32(bytes.first<4>()) : 0;
  }
  std::span<const std::byte> take(std::size_t count) {
    if (!ok_ || count > message_.size() - position_) {
      ok_ = false;
      return {};
    }
    position_ += count;
    return message_.subspan(position_ - count, count);
  }

  void fail() { ok_ = false; }

  /// A name, with every pointer followed. A pointer must lead before the beginning of the piece it
  /// stands in, so that no chain of them comes back.
  std::string name();

 private:
  static void append(std::string& text, std::span<const std::byte> label);

  std::span<const std::byte> message_;
  std::size_t position_ = 0;
  bool ok_ = true;
};

void Reader::append(std::string& text, std::span<const std::byte> label) {
  if (!text.empty()) text += '.';
  for (const std::byte byte : label) {
    const auto c = std::to_integer<unsigned>(byte);
    if (c == '.' || c == '\\')
      (text += '\\') += static_cast<char>(c);
    else if (c > ' ' && c < 0x7f)
      text += static_cast<char>(c);
    else
      text += fmt::format("\\{:03}", c);
  }
}

std::string Reader::name() {
  std::string text;
  std::size_t wire_size = 1;
  std::size_t piece = position_;
  std::optional<std::size_t> behind;  // where reading goes on after the first pointer
  for (;;) {
    const auto head = take(1);
    const unsigned length = ok_ ? std::to_integer<unsigned>(head[0]) : 0;
    if (length == 0) break;
    if (length <= kLongestLabel) {
      wire_size += length + 1;
      if (wire_size > kLongestName) fail();
      append(text, take(length));
      continue;
    }
    const auto low = take(1);
    if (!ok_) break;
    const std::size_t target = ((length & ~kPointer) << 8U) | std::to_integer<std::size_t>(low[0]);
    if ((length & kPointer) != kPointer || target >= piece) {
      fail();
      break;
    }
    if (!behind) behind = position_;
    piece = position_ = target;
  }
  if (behind) position_ = *behind;
  return text;
}

struct Record {
  std::string owner;
  DnsType type{};
  std::uint32_t ttl = 0;
  std::string name;   ///< of CNAME and PTR
  IpAddress address;  ///< of A and AAAA
};

bool read_data(Reader& in, std::size_t size, Record& record) {
  const std::size_t end = in.position() + size;
  switch (record.type) {
    case DnsType::cname:
    case DnsType::ptr: record.name = in.name(); break;
    case DnsType::a:
    case DnsType::aaaa: {
      record.address.family = record.type == DnsType::a ? Family::v4 : Family::v6;
      const auto bytes = in.take(record.address.octets().size());
      std::ranges::copy(bytes, record.address.bytes.begin());
      break;
    }
    default: in.take(size);
  }
  return in.ok() && in.position() == end;
}

/// The next record; nothing when it is broken, or of another class than IN (then in.ok()).
std::optional<Record> read_record(Reader& in) {
  Record record;
  record.owner = in.name();
  record.type = DnsType{in.be16()};
  const std::uint16_t record_class = in.be16();
  record.ttl = in.be32();
  const std::size_t size = in.be16();
  if (!in.ok()) return std::nullopt;
  if (record_class != kClassIn) {
    in.take(size);
    return std::nullopt;
  }
  if (!read_data(in, size, record)) {
    in.fail();
    return std::nullopt;
  }
  return record;
}

std::string_view without_dot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

void use_ttl(DnsAnswer& answer, std::uint32_t ttl) {
  answer.ttl_seconds = std::min(answer.ttl_seconds.value_or(ttl), ttl);
}

void resolve(const std::vector<Record>& records, DnsType type, DnsAnswer& answer) {
  const auto is_alias = [&](const Record& record) {
    return record.type == DnsType::cname && iequals(record.owner, answer.canonical_name);
  };
  for (int hops = 0; hops < kMostAliases; ++hops) {
    const auto alias = std::ranges::find_if(records, is_alias);
    if (alias == records.end()) break;
    answer.canonical_name = alias->name;
    use_ttl(answer, alias->ttl);
  }
  for (const Record& record : records) {
    if (record.type != type || !iequals(record.owner, answer.canonical_name)) continue;
    use_ttl(answer, record.ttl);
    if (type == DnsType::ptr)
      answer.names.push_back(record.name);
    else if (type != DnsType::cname)
      answer.addresses.push_back(record.address);
  }
}

bool is_asked(Reader& in, const DnsQuestion& question) {
  const std::string name = in.name();
  const DnsType type{in.be16()};
  const std::uint16_t asked_class = in.be16();
  return in.ok() && type == question.type && asked_class == kClassIn &&
         iequals(name, without_dot(question.name));
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kLongestLabel &&
         std::ranges::all_of(label, [](char c) { return c > ' ' && c < 0x7f && c != '\\'; });
}

void append_be16(std::vector<std::byte>& out, unsigned value) {
  out.push_back(static_cast<std::byte>(value >> 8U));
  out.push_back(static_cast<std::byte>(value & 0xffU));
}

}  // namespace

std::string to_string(DnsRcode code) {
  constexpr std::array<std::string_view, 6> kNames{"NOERROR",  "FORMERR", "SERVFAIL",
                                                   "NXDOMAIN", "NOTIMP",  "REFUSED"};
  const auto value = static_cast<std::size_t>(code);
  return value < kNames.size() ? std::string(kNames[value]) : fmt::format("RCODE{}", value);
}

DnsQuestion reverse_question(const IpAddress& address) {
  DnsQuestion question{"", DnsType::ptr};
  const auto octets = address.octets();
  for (std::size_t i = octets.size(); i-- > 0;) {
    const auto octet = std::to_integer<unsigned>(octets[i]);
    question.name += address.family == Family::v4
                         ? fmt::format("{}.", octet)
                         : fmt::format("{:x}.{:x}.", octet & 0xfU, octet >> 4U);
  }
  question.name += address.family == Family::v4 ? "in-addr.arpa" : "ip6.arpa";
  return question;
}

Result<std::vector<std::byte>> build_dns_query(std::uint16_t id, const DnsQuestion& question) {
  std::string_view rest = without_dot(question.name);
  if (rest.empty() || rest.size() > kLongestText)
    return fail(Errc::bad_value,
                fmt::format("not a valid DNS name: '{}'", printable(question.name)));
  std::vector<std::byte> query;
  query.reserve(kHeaderSize + rest.size() + 6);
  for (const unsigned word : {unsigned{id}, kRecursionDesired, 1U, 0U, 0U, 0U})
    append_be16(query, word);
  for (bool more = true; more;) {
    const std::size_t dot = std::min(rest.find('.'), rest.size());
    const std::string_view label = rest.substr(0, dot);
    if (!is_label(label))
      return fail(Errc::bad_value,
                  fmt::format("not a valid DNS name: '{}'", printable(question.name)));
    query.push_back(static_cast<std::byte>(label.size()));
    std::ranges::transform(label, std::back_inserter(query),
                           [](char c) { return static_cast<std::byte>(c); });
    more = dot < rest.size();
    rest.remove_prefix(more ? dot + 1 : dot);
  }
  query.push_back(std::byte{0});
  append_be16(query, static_cast<unsigned>(question.type));
  append_be16(query, kClassIn);
  return query;
}

Result<DnsAnswer> parse_dns_answer(std::span<const std::byte> message, std::uint16_t id,
                                   const DnsQuestion& question) {
  Reader in(message);
  const std::uint16_t answered_id = in.be16();
  const unsigned flags = in.be16();
  const std::uint16_t questions = in.be16();
  const std::uint16_t answers = in.be16();
  in.take(4);  // numbers of authority and additional records, which are not read
  if (!in.ok()) return fail(Errc::truncated, "DNS header");
  if (answered_id != id || (flags & (kResponse | kOpcode)) != kResponse)
    return fail(Errc::bad_value, "not the answer to this DNS query");

  DnsAnswer answer;
  answer.rcode = DnsRcode{static_cast<std::uint8_t>(flags & 0xfU)};
  answer.truncated = (flags & kTruncated) != 0;
  answer.canonical_name = without_dot(question.name);
  // A server that could not read the question does not repeat it.
  if (questions == 0 && answer.rcode != DnsRcode::no_error) return answer;
  if (questions != 1 || !is_asked(in, question))
    return fail(Errc::bad_value, "the answer to another DNS question");

  std::vector<Record> records;
  for (unsigned i = 0; i < answers && in.ok(); ++i)
    if (auto record = read_record(in)) records.push_back(std::move(*record));
  if (!in.ok() && !answer.truncated) return fail(Errc::truncated, "DNS records");
  resolve(records, question.type, answer);
  return answer;
}

}  // namespace wgscope::wire
