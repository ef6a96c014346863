/** mailcron as a library: what cron means, without a daemon. See docs/library.md. */
export type { Which } from './core/command.ts';
export { type Crontab, type CrontabOptions, parseCrontab } from './core/crontab.ts';
export type { CrontabKind, Entry, EntryFlags } from './core/entry.ts';
export { type Environment, jobEnvironment, lookup } from './core/environment.ts';
export { seedOf } from './core/plan.ts';
export { type Field, has, values } from './core/field.ts';
export { forecast, type ForecastOptions, type Start } from './core/forecast.ts';
export { lint, type LintOptions } from './core/lint.ts';
export { due, type DueOptions } from './core/moment.ts';
export type { Problem } from './core/problem.ts';
export type { Schedule } from './core/schedule.ts';
export { refuseSetting, type Settings, settingsOf } from './core/settings.ts';
export { type Offsets, offsetsOf } from './core/spans.ts';
export { isZone, offsetIn } from './core/zone.ts';
export { fromBytes, fromText, toBytes, toText } from './system/bytes.ts';
