// wgscope as a mixin (https://monitoring.mixins.dev): the dashboards, recording rules and alerts that are used without jsonnet.

// jsonnet 0.18 of Debian 12 cannot read a YAML text of several lines, so each expression is put on one.
local onOneLine(yaml) =
  local step(read, line) =
    if read.inside && std.startsWith(line, '          ') then read { text+: ' ' + std.strReplace(line, "'", "''") }
    else { inside: std.endsWith(line, 'expr: |'), text: read.text + (if read.inside then "'\n" else '\n') + line };
  std.strReplace(std.foldl(step, std.split(yaml, '\n'), { inside: false, text: '' }).text, 'expr: |', "expr: '");

// Every group that has rules of this kind, with these alone.
local groupsOf(yamls, kind, suffix) = [
  group { name+: suffix, rules: [rule for rule in group.rules if std.objectHas(rule, kind)] }
  for yaml in yamls
  for group in std.parseYaml(onOneLine(yaml)).groups
  if std.length([rule for rule in group.rules if std.objectHas(rule, kind)]) > 0
];

{
  _config:: {
    selector: 'job="wireguard"',  // of the exporters, in the rules that ask for them
    runbooks: 'https://runbooks.example.net/wgscope',  // where docs/runbooks is to be found
  },
  local withRunbooks(text) = std.strReplace(text, 'https://runbooks.example.net/wgscope', $._config.runbooks),
  local rules = [
    std.strReplace(withRunbooks(yaml), 'job="wireguard"', $._config.selector)
    for yaml in [importstr 'alerts/core.yaml', importstr 'alerts/declared.yaml', importstr 'alerts/probe.yaml']
  ],
  prometheusAlerts+:: { groups+: groupsOf(rules, 'alert', '') },
  prometheusRules+:: { groups+: groupsOf(rules, 'record', '.rules') },
  grafanaDashboards+:: {
    [file[0]]: std.parseJson(withRunbooks(file[1]))
    for file in [
      ['wgscope-fleet.json', importstr 'dashboards/wgscope-fleet.json'],
      ['wgscope-gateway.json', importstr 'dashboards/wgscope-gateway.json'],
      ['wgscope-peer.json', importstr 'dashboards/wgscope-peer.json'],
      ['wgscope-path.json', importstr 'dashboards/wgscope-path.json'],
      ['wgscope-exporter.json', importstr 'dashboards/wgscope-exporter.json'],
    ]
  },
}
