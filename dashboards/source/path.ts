import {
  dashboard, graph, jobAndInstance, legendBeside, list, over, rowsOf, runbooksOf, severityColumn, variable, words,
} from './common.js';
import { bySeverity, firing, scope } from './promql.js';

// The verb tells results of wgscope from those of blackbox_exporter, which share the name probe_success.
const probes = `${scope}, gateway=~"$gateway", verb!=""`;

/** Each run of the probe replaces its histogram, so it is read as it is: a rate of it would mean nothing. */
const roundTrip = (share: number) =>
  `topk(10, histogram_quantile(${share}, sum by (le, gateway, layer) (wireguard_probe_rtt_seconds_bucket{${probes}})))`;

const where = {
  gateway: { title: 'Gateway', width: 180 }, verb: { title: 'Check', width: 100 }, instance: { title: 'Probe runs on' },
};
const one = 'gateway, verb, instance';
const target = { inner_target: { title: 'Target inside the tunnel' }, kind: { title: 'Asked by' }, expect: { title: 'Expected' } };
const asked = `${Object.keys(target).join(', ')}, gateway, instance`;

const results = [
  list('Probes',
    'The last result of each check, up to 100, and how old it is: an old result says nothing about the present, here and in the ' +
    'panels below. Failed: the tunnel does not do what was asked for, or the probe could not tell.',
    {
      columns: {
        ...where,
        'Value #A': { title: 'Result', words: words({ 1: ['works', 'green'], 0: ['failed', 'red'] }) },
        'Value #B': { title: 'Age', unit: 'dtdurations' },
      },
      sort: [['Result', 'ascending']],
      empty: 'no probe has left a result',
    },
    rowsOf(`topk(100, max by (${one}) (probe_success{${probes}}))`),
    rowsOf(`time() - topk(100, max by (${one}) (wireguard_probe_timestamp_seconds{${probes}}))`)).span(12)
    .links(runbooksOf('WireGuardProbeFailing', 'WireGuardProbeStale')),
  list('Findings',
    'What the probes found, up to 100, the worst first. Run “wgscope explain” with the ID of a finding for its cause ' +
    'and what to do.',
    {
      columns: { Value: severityColumn(), id: { title: 'Finding' }, ...where },
      sort: [['Severity', 'descending']],
      empty: 'nothing was found',
    },
    rowsOf(`topk(100, ${bySeverity('wireguard_probe_finding', probes)})`)).span(12),
];

const path = [
  legendBeside(graph('Packet loss',
    'Share of packets lost in the last run, by direction where the probe can tell it. The 10 highest.',
    over(`topk(10, max by (gateway, direction) (wireguard_probe_loss_ratio{${probes}}))`, '{{gateway}}, {{direction}}')))
    .unit('percentunit').axisSoftMax(0.1),
  legendBeside(graph('Round trips',
    'How long pings of the last run took: inner through the tunnel, outer beside it. Both slow: the path. Only the inner one ' +
    'slow: the gateway or what lies behind it. The 10 longest of each.',
    over(roundTrip(0.5), '{{gateway}}, {{layer}}, median'),
    over(roundTrip(0.95), '{{gateway}}, {{layer}}, 95 %'))).unit('s'),
  legendBeside(graph('Path MTU in bytes',
    'The largest IP packet of the tunnel that passes the path, proven in each direction. If it drops although you changed ' +
    'nothing, something on the path has changed. Up to 20 lines.',
    over(`topk(20, min by (gateway, direction, layer) (wireguard_probe_path_mtu_bytes{${probes}}))`,
      '{{gateway}}, {{direction}}, {{layer}}'))).unit('none').axisSoftMin(1200).axisSoftMax(1500)
    .links(runbooksOf('WireGuardPathMTUBlackHole')),
  legendBeside(graph('Handshake',
    'Time from the initiation to its response in the last run. The 10 longest.',
    over(`topk(10, max by (gateway) (wireguard_probe_handshake_duration_seconds{${probes}}))`, '{{gateway}}'))).unit('s'),
];

const inside = [
  list('Targets inside the tunnel',
    'Results of “wgscope reach”, up to 100: whether each target is as expected, and how long its answers took.',
    {
      columns: {
        ...target,
        'Value #A': { title: 'As expected', words: words({ 1: ['yes', 'green'], 0: ['no', 'red'] }) },
        'Value #B': { title: 'Median answer', unit: 's' },
        gateway: where.gateway,
        instance: where.instance,
      },
      sort: [['As expected', 'ascending']],
      empty: 'no target was asked',
    },
    rowsOf(`topk(100, max by (${asked}) (wireguard_probe_target_success{${probes}}))`),
    rowsOf(`topk(100, max by (${asked}) (wireguard_probe_target_duration_seconds{${probes}}))`)),
  list('NAT mappings',
    'The longest silence after which a packet still arrived through the NAT. The persistent keepalive must be shorter. ' +
    'Stream: a flow that had both directions. One-way: a flow that had only sent.',
    {
      columns: {
        gateway: where.gateway,
        state: { title: 'Flow', words: words({ stream: ['stream', 'text'], one_way: ['one-way', 'text'] }), plain: true },
        Value: { title: 'Lived at least', unit: 's' },
        instance: where.instance,
      },
      sort: [['Lived at least', 'ascending']],
      empty: 'not measured: wgscope nat does',
    },
    rowsOf(`bottomk(100, wireguard_probe_nat_mapping_lifetime_seconds{${probes}})`)).height(5),
];

export default dashboard('path', {
  description: 'What the probe measured: whether tunnels work, what they lose, how long they take, and how large packets may be. ' +
    'Reads the files of “wgscope … --prometheus FILE” through node_exporter.',
  variables: [
    ...jobAndInstance('probe_success', true),
    variable('gateway', 'Gateway', `label_values(probe_success{${scope}, verb!=""}, gateway)`),
  ],
  alerts: `${firing}, alertname=~"WireGuardProbe.*|WireGuardPathMTU.*"`,
  rows: [
    { title: 'Results', panels: results },
    { title: 'The path', panels: path },
    { title: 'Inside the tunnel, and NAT', panels: inside },
  ],
});
