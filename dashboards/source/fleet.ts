import {
  dashboard, graph, jobAndInstance, limits, list, now, number, over, rowsOf, runbooksOf, severityColumn, stacked, toGateway,
  toPeer, toRunbook, toThisGateway, verdictColumns, withVerdicts, words,
} from './common.js';
import { bySeverity, faults, firing, inOrder, oneOf, scope, severityOrder, throughput, verdictOrder, withPeer } from './promql.js';

const counted = 'wireguard:instance_peers:count_by_verdict';
const counts = `${counted}{${scope}}`;
const faulty = `${counted}{${scope}, verdict=~"${faults}"}`;

const overview = [
  withVerdicts(number('Peers by verdict',
    'How many peers have each verdict now. Live: a session exists. Idle: there was a handshake, and no session now, as with ' +
    'a sleeping laptop. Never: no handshake yet. Replies lost, unanswered, flapping and one-way may be faults. A verdict ' +
    'that no peer has is left out.',
    now(inOrder('verdict', verdictOrder, counted, scope), '{{verdict}}')).span(12)),
  number('Gateways',
    'Exporters that Prometheus can scrape, and those that it cannot. The peers of an exporter that cannot be scraped are ' +
    'unknown: no count includes them.',
    now(oneOf('state', { 'scraped': `sum(up{${scope}})`, 'not scraped': `count(up{${scope}}) - sum(up{${scope}})` }), '{{state}}'))
    .links(runbooksOf('WireGuardExporterDown', 'WireGuardExporterAbsent'))
    .overrideByName('not scraped', [
      { id: 'thresholds', value: limits('text', [[1, 'red']]).build() }]),
  number('Firing alerts', 'Alerts of wgscope that fire now, by severity. The list below names them.',
    now(inOrder('severity', severityOrder, 'ALERTS', firing), '{{severity}}')).noValue('none'),
];

const trends = [
  withVerdicts(stacked(graph('Peers by verdict over time',
    'The counts above over time. Peers move between live and idle all day. A step of many peers at once points to the ' +
    'gateway or its network, not to the peers.',
    over(`sum by (verdict) (${counts}) > 0`, '{{verdict}}')).unit('short'))).span(8),
  withVerdicts(stacked(graph('Peers with a fault over time',
    'The same counts, only of verdicts that may be a fault: among many peers these are a thin line in the other graph.',
    over(`sum by (verdict) (${faulty}) > 0`, '{{verdict}}')).unit('short').decimals(0).axisSoftMax(5)
    .noValue('no peer had a fault'))).span(8),
  graph('Throughput inside the tunnels',
    'Bytes per second inside the tunnels of all selected gateways, as the interfaces count them. Interfaces whose counters ' +
    'the exporter cannot read are missing.',
    over(throughput(scope), '{{direction}}')).unit('Bps').span(8),
];

const lists = [
  list('Firing alerts',
    'Up to 100 alerts that fire now, the most severe first, with the peer if an alert is about one. An alert links to ' +
    'its runbook, a peer to its dashboard.',
    {
      columns: {
        Value: severityColumn(),
        alertname: { title: 'Alert', links: [toRunbook()] },
        peer: { title: 'Peer', links: [toPeer()] },
        instance: { title: 'Instance', links: [toGateway()] },
        interface: { title: 'Interface' },
        netns: { title: 'Network namespace' },
      },
      hidden: ['public_key'],
      sort: [['Severity', 'descending']],
      empty: 'no alert fires',
    },
    rowsOf(withPeer(`topk(100, ${bySeverity('ALERTS', firing)})`))).height(7),
  list('Gateways by peers with a fault',
    'The 50 gateways with the most peers whose verdict may be a fault, and how many of their peers have each verdict. Open a ' +
    'gateway to see which peers are offline now.',
    {
      before: [{
        id: 'groupingToMatrix',
        options: { rowField: 'instance', columnField: 'verdict', valueField: 'Value', emptyValue: 'zero' },
      }],
      columns: {
        'instance\\verdict': { title: 'Gateway', width: 180, links: [toThisGateway()] },
        ...verdictColumns(),
      },
      sort: [['replies lost', 'descending'], ['unanswered', 'descending'], ['flapping', 'descending'], ['one-way', 'descending']],
      empty: 'no gateway',
    },
    rowsOf(`sum by (instance, verdict) (${counts} and on (job, instance) ` +
      `topk(50, sum by (job, instance) (${faulty}) or sum by (job, instance) (${counts}) * 0))`)).span(17),
  list('Gateways by throughput',
    'The 20 gateways with the most traffic inside their tunnels now, received and sent together.',
    {
      columns: {
        instance: { title: 'Gateway', links: [toGateway()] },
        Value: { title: 'Throughput', unit: 'Bps' },
      },
      sort: [['Throughput', 'descending']],
      empty: 'no interface counters',
    },
    rowsOf(`topk(20, sum by (job, instance) (wireguard:interface_receive_bytes:rate{${scope}} + ` +
      `wireguard:interface_transmit_bytes:rate{${scope}}))`)).span(7),
];

/** Series of value 1, which only peers that differ from the inventory have. */
const differences = oneOf('difference', {
  'not declared': `wireguard_peer_undeclared{${scope}}`,
  missing: `wireguard_peer_missing{${scope}}`,
  'offline, and should be online': `wireguard_peer_unexpectedly_offline{${scope}}`,
  'no handshake in its grace period': `wireguard_peer_handshake_overdue{${scope}}`,
  'another peer has a prefix of it': `wireguard_peer_allowed_ips_conflict{${scope}}`,
  'a prefix is too wide': `wireguard_peer_allowed_ips_too_broad{${scope}}`,
  'its key is too old': `wireguard_peer_key_rotation_overdue{${scope}}`,
}) + ` or label_replace(wireguard_peer_drift{${scope}}, "difference", "$1 differs", "field", "(.+)")`;

const declared = [
  list('Peers that differ from the inventory',
    'Peers that differ from what is declared, and how, up to 100. A peer may be listed several times. Needs exporters with ' +
    '--inventory. Interfaces that differ, are missing or are not declared are among the alerts.',
    {
      columns: {
        peer: { title: 'Peer', links: [toPeer()] },
        difference: { title: 'Difference' },
        instance: { title: 'Gateway', links: [toGateway()] },
        interface: { title: 'Interface' },
        netns: { title: 'Network namespace' },
      },
      hidden: ['public_key'],
      sort: [['Difference', 'ascending']],
      empty: 'nothing differs, or there is no inventory',
    },
    rowsOf(withPeer(`topk(100, ${differences})`))).span(16)
    .links(runbooksOf('WireGuardPeerUndeclared', 'WireGuardPeerMissing', 'WireGuardPeerUnexpectedlyOffline',
      'WireGuardPeerHandshakeOverdue', 'WireGuardPeerDrift', 'WireGuardPeerAllowedIPsStolen',
      'WireGuardPeerAllowedIPsTooBroad', 'WireGuardPeerKeyRotationDue', 'WireGuardInterfaceMissing',
      'WireGuardInterfaceUndeclared', 'WireGuardInterfaceDrift')),
  list('Inventories',
    'Whether each exporter could read its whole inventory, up to 100. A file with an error keeps what it declared before.',
    {
      columns: {
        instance: { title: 'Exporter' },
        Value: { title: 'Inventory', words: words({ 1: ['read', 'green'], 0: ['has an error', 'red'] }) },
      },
      sort: [['Inventory', 'ascending']],
      empty: 'no exporter has an inventory',
    },
    rowsOf(`bottomk(100, wireguard_inventory_last_reload_success{${scope}})`)).span(8)
    .links(runbooksOf('WireGuardInventoryNotLoaded')),
];

export default dashboard('fleet', {
  description: 'All gateways at once: how many peers work, what fires, and where to look. Reads recorded series, and series that only peers with a difference have.',
  variables: jobAndInstance('wireguard_exporter_build_info', true),
  rows: [
    { title: 'Now', panels: overview },
    { title: 'Over time', panels: trends },
    { title: 'Where to look', panels: lists },
    { title: 'Declared state', panels: declared },
  ],
});
