# What script/demo shows, from what Prometheus' /federate says (text format: NAME{LABELS} VALUE TIMESTAMP).
#
#   show=peers    a line for each peer: gateway, name, verdict, age of the handshake, bytes, endpoint or a note
#   show=alerts   a line for each alert, fields separated by tabs: name, state, seconds since it began, instance, what it
#                 is about, name of the peer; "-" for what it has not
#   show=age      of the peer named `peer`: seconds since its last handshake, nothing where there was none
#
# Other variables: now (seconds since 1970), columns (0: as wide as it gets), limit (seconds a session lives), silent and
# asleep (names of peers that send nothing, and of those that are well all the same, between blanks), stale (1: the exporter does not answer, so no verdict is known).

function label(name) {
  return match($0, "[{,]" name "=\"[^\"]*\"") ? substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4) : ""
}

function bytes(n,   unit) {
  for (unit = 1; n >= 1024 && unit < 5; ++unit) n /= 1024
  return sprintf(unit == 1 ? "%d %s" : "%.1f %s", n, substr("B  KiBMiBGiBTiB", 3 * unit - 2, 3))
}

function duration(s) { return s < 600 ? sprintf("%d s", s) : sprintf("%d min", s / 60) }

function or_dash(text) { return text == "" ? "-" : text }

# As much of a note as there is room for.
function note(key, room,   text) {
  text = endpoint[key] == "" ? "never came" : endpoint[key]
  if (index(silent, " " name[key] " ") && value["session_live", key] == 1)
    text = sprintf("dead in %d s", limit - value["handshake_age_seconds", key])
  else if (index(asleep, " " name[key] " ") && value["session_live", key] == 0)
    text = "asleep: no alert"
  if (secret[key] && (room <= 0 || length(text) + 20 <= room)) text = text ", preshared key"
  return room > 0 ? substr(text, 1, room) : text
}

/^ALERTS\{/ { state[label("alertname"), label("instance"), label("interface"), label("public_key")] = label("alertstate") }

/^ALERTS_FOR_STATE\{/ {
  key = label("alertname") SUBSEP label("instance") SUBSEP label("interface") SUBSEP label("public_key")
  alerts[++alert_count] = key; since[key] = $(NF - 1); peer_of[key] = label("name")
}

/^wireguard_peer_verdict\{/ { verdict[label("public_key")] = label("verdict") }

/^wireguard_peer_/ {
  key = label("public_key"); series = substr($0, 16, index($0, "{") - 16); value[series, key] = $(NF - 1)
  if (series != "info") next
  peers[++peer_count] = key; name[key] = label("name"); gateway[key] = label("interface"); endpoint[key] = label("endpoint")
  secret[key] = label("preshared_key") == "true"
}

END {
  if (show == "peers")
    for (i = 1; i <= peer_count; ++i) {
      key = peers[i]
      printf "%-9s %-7s %-12s %10s %9s %9s  %s\n", gateway[key], name[key],
        stale ? "unknown" : key in verdict ? verdict[key] : "-",
        ("handshake_age_seconds", key) in value ? duration(value["handshake_age_seconds", key]) " ago" : "-",
        bytes(value["receive_bytes_total", key]), bytes(value["transmit_bytes_total", key]), note(key, columns ? columns - 63 : 0)
    }
  if (show == "alerts")
    for (i = 1; i <= alert_count; ++i) {
      key = alerts[i]; split(key, part, SUBSEP)
      if (!(key in state)) continue
      about = part[3] == "" ? part[2] : peer_of[key] == "" ? part[3] : peer_of[key] " on " part[3]
      printf "%s\t%s\t%d\t%s\t%s\t%s\n", part[1], state[key], now - since[key], or_dash(part[2]), or_dash(about),
        or_dash(peer_of[key])
    }
  if (show == "age")
    for (i = 1; i <= peer_count; ++i)
      if (name[peers[i]] == peer && ("handshake_age_seconds", peers[i]) in value) print int(value["handshake_age_seconds", peers[i]])
}
