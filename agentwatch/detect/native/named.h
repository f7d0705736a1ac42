/* What the kernel is told of by name: classes, their fields, functions, whole numbers and weights of the pure form, words.
 *
 * Each list is written once, here; `bind` (kernel.c) is told what each name stands for, and kernel.py looks it up.
 */
#ifndef AGENTWATCH_NAMED_H
#define AGENTWATCH_NAMED_H

#define CLASSES(CLASS)                                                                                                 \
    CLASS(Event) CLASS(Observation) CLASS(Prints) CLASS(Fingerprint) CLASS(Scope) CLASS(RunState) CLASS(RootState)     \
    CLASS(AgentState) CLASS(AppState) CLASS(DayTotals) CLASS(History) CLASS(Spoken) CLASS(Laps) CLASS(OpenStep)        \
    CLASS(Reading) CLASS(Said) CLASS(Seldom) CLASS(Hitters) CLASS(Pace) CLASS(Manner) CLASS(RateOptions)               \
    CLASS(CohortOptions) CLASS(Growth) CLASS(Familiar) CLASS(Streak) CLASS(CycleOptions) CLASS(Exchange) CLASS(Job)    \
    CLASS(Asked) CLASS(RepeatOptions) CLASS(StagnationOptions) CLASS(FailureOptions) CLASS(ParaphraseOptions)          \
    CLASS(MonologueOptions) CLASS(PingpongOptions) CLASS(UnattendedOptions) CLASS(Voice) CLASS(Brood) CLASS(Line)      \
    CLASS(SpawnOptions) CLASS(RestartOptions) CLASS(SlowOptions) CLASS(Recurrence)

#define FIELDS(FIELD)                                                                                                  \
    FIELD(Event, op) FIELD(Event, status) FIELD(Event, trigger) FIELD(Event, epoch) FIELD(Event, handles)              \
    FIELD(Event, model) FIELD(Event, task) FIELD(Event, team) FIELD(Event, user) FIELD(Event, step)                    \
    FIELD(Event, input_tokens) FIELD(Event, output_tokens) FIELD(Event, tool) FIELD(Event, error)                      \
    FIELD(Event, to_agent) FIELD(Event, tenant) FIELD(Event, app) FIELD(Event, agent) FIELD(Event, run)                \
    FIELD(Event, root_run) FIELD(Event, ts) FIELD(Event, id) FIELD(Event, output) FIELD(Event, fp)                     \
    FIELD(Event, documents) FIELD(Event, interval_s) FIELD(Observation, index) FIELD(Observation, now)                 \
    FIELD(Observation, event) FIELD(Observation, prints) FIELD(Observation, cost_nusd) FIELD(Observation, own_effect)  \
    FIELD(Prints, input) FIELD(Prints, output) FIELD(Prints, arguments) FIELD(Prints, result)                          \
    FIELD(Fingerprint, exact) FIELD(Fingerprint, masked) FIELD(Fingerprint, shape) FIELD(Fingerprint, size)            \
    FIELD(Fingerprint, words) FIELD(Fingerprint, klass) FIELD(Fingerprint, sketch) FIELD(Fingerprint, numbers)         \
    FIELD(Fingerprint, pieces) FIELD(Scope, app) FIELD(Scope, agent) FIELD(Scope, root) FIELD(Scope, run)              \
    FIELD(Scope, history) FIELD(Scope, reading) FIELD(Scope, duplicate) FIELD(Scope, opened) FIELD(RunState, parent)   \
    FIELD(RunState, events) FIELD(RunState, last) FIELD(RunState, last_index) FIELD(RunState, ended)                   \
    FIELD(RunState, epoch) FIELD(RunState, epoch_at) FIELD(RunState, model) FIELD(RunState, task)                      \
    FIELD(RunState, team) FIELD(RunState, last_step) FIELD(RunState, rounds) FIELD(RunState, chats)                    \
    FIELD(RunState, tokens) FIELD(RunState, cost_nusd) FIELD(RunState, unpriced) FIELD(RunState, agent)                \
    FIELD(RunState, root) FIELD(RunState, own) FIELD(RunState, recent) FIELD(RunState, started) FIELD(RunState, tree)  \
    FIELD(RunState, others) FIELD(RunState, news) FIELD(RunState, growth) FIELD(RunState, akin)                        \
    FIELD(RootState, events) FIELD(RootState, last) FIELD(RootState, turns) FIELD(RootState, tokens)                   \
    FIELD(RootState, cost_nusd) FIELD(RootState, unpriced) FIELD(RootState, exchange) FIELD(RootState, told)           \
    FIELD(AgentState, events) FIELD(AgentState, runs) FIELD(AgentState, last) FIELD(AgentState, last_index)            \
    FIELD(AgentState, epoch) FIELD(AgentState, team) FIELD(AgentState, tokens) FIELD(AgentState, cost_nusd)            \
    FIELD(AgentState, unpriced) FIELD(AgentState, today) FIELD(AgentState, agent) FIELD(AppState, events)              \
    FIELD(AppState, today) FIELD(AppState, clock) FIELD(AppState, swept) FIELD(AppState, last_index)                   \
    FIELD(AppState, agents) FIELD(AppState, runs) FIELD(AppState, roots) FIELD(DayTotals, day)                         \
    FIELD(DayTotals, turns) FIELD(DayTotals, tokens) FIELD(DayTotals, cost_nusd) FIELD(DayTotals, unpriced)            \
    FIELD(DayTotals, since) FIELD(History, index) FIELD(History, base) FIELD(History, calls) FIELD(History, near)      \
    FIELD(History, step) FIELD(History, step_calls) FIELD(History, hard) FIELD(History, soft) FIELD(History, fresh)    \
    FIELD(History, streaks) FIELD(History, spoken) FIELD(History, cycle) FIELD(Spoken, outputs) FIELD(Spoken, inputs)  \
    FIELD(Spoken, sketches) FIELD(Spoken, prompted) FIELD(Spoken, stale) FIELD(Spoken, hard) FIELD(Spoken, chain)      \
    FIELD(Spoken, at) FIELD(Spoken, acted) FIELD(Spoken, streak) FIELD(Spoken, phrased) FIELD(Spoken, heard)           \
    FIELD(Spoken, size) FIELD(Laps, symbols) FIELD(Laps, runs) FIELD(Laps, aside) FIELD(Laps, step) FIELD(Laps, best)  \
    FIELD(Laps, streak) FIELD(OpenStep, number) FIELD(OpenStep, at) FIELD(OpenStep, chat) FIELD(OpenStep, members)     \
    FIELD(Reading, kind) FIELD(Reading, novel) FIELD(Reading, parallel) FIELD(Reading, poll) FIELD(Reading, call)      \
    FIELD(Reading, result) FIELD(Reading, failed) FIELD(Reading, empty) FIELD(Reading, writes) FIELD(Reading, fresh)   \
    FIELD(Reading, akin) FIELD(Reading, lag) FIELD(Reading, said) FIELD(Reading, phrase) FIELD(Said, weight)           \
    FIELD(Said, link) FIELD(Said, equal) FIELD(Said, new) FIELD(Said, news) FIELD(Said, slow) FIELD(Said, heard)       \
    FIELD(Said, stirred) FIELD(Said, acted) FIELD(RunState, run) FIELD(RunState, job) FIELD(RunState, seldom)          \
    FIELD(RootState, brood) FIELD(RootState, descendants) FIELD(AppState, hitters) FIELD(AppState, jobs)               \
    FIELD(AppState, beats) FIELD(AgentState, asked) FIELD(AgentState, pace) FIELD(AgentState, manner)                  \
    FIELD(Seldom, human_at) FIELD(Seldom, shrinking) FIELD(Seldom, interval_s) FIELD(Hitters, known)                   \
    FIELD(Pace, bucket) FIELD(Pace, calls) FIELD(Pace, tokens) FIELD(Pace, cost_nusd) FIELD(Pace, alarm)               \
    FIELD(Manner, last) FIELD(Manner, span_s) FIELD(Manner, events) FIELD(Manner, tokens) FIELD(Manner, usd)           \
    FIELD(Manner, failed) FIELD(Manner, stale) FIELD(Manner, fresh) FIELD(RateOptions, bucket_s)                       \
    FIELD(RateOptions, min_buckets) FIELD(CohortOptions, least_events) FIELD(Growth, met) FIELD(Growth, stale)         \
    FIELD(Growth, held) FIELD(Growth, base) FIELD(Growth, streak) FIELD(Growth, pieces) FIELD(Familiar, young)         \
    FIELD(Familiar, old) FIELD(Familiar, count) FIELD(Streak, index) FIELD(Streak, event_id) FIELD(Streak, since)      \
    FIELD(Streak, tokens) FIELD(Streak, cost_nusd) FIELD(Streak, unpriced) FIELD(Streak, last)                         \
    FIELD(Streak, last_index) FIELD(Streak, count) FIELD(Streak, ids) FIELD(Streak, digests) FIELD(Streak, tool)       \
    FIELD(CycleOptions, warn_rounds) FIELD(CycleOptions, warn_steps) FIELD(Event, result) FIELD(Reading, hard)         \
    FIELD(Reading, soft) FIELD(Reading, faint) FIELD(Reading, words) FIELD(Reading, against) FIELD(Reading, apart)     \
    FIELD(Reading, stale) FIELD(Reading, partly) FIELD(Said, hard) FIELD(Exchange, met) FIELD(AgentState, template)    \
    FIELD(Brood, since) FIELD(Brood, asked) FIELD(Brood, born) FIELD(Brood, calls) FIELD(Brood, deepest)               \
    FIELD(Brood, inbred) FIELD(Brood, second) FIELD(Brood, deeper) FIELD(Brood, returned) FIELD(Brood, barren)         \
    FIELD(Brood, outcomes) FIELD(Brood, times) FIELD(Brood, ids) FIELD(Line, count) FIELD(Line, equal)                 \
    FIELD(Line, alike) FIELD(Line, exact) FIELD(Line, shapes) FIELD(Line, moment) FIELD(Line, step) FIELD(Line, last)  \
    FIELD(SpawnOptions, warn) FIELD(SpawnOptions, warn_depth) FIELD(Exchange, stale) FIELD(Exchange, index)            \
    FIELD(Exchange, voices) FIELD(Exchange, turns) FIELD(Exchange, hard) FIELD(Exchange, streak)                       \
    FIELD(Voice, speaker) FIELD(Voice, said) FIELD(Voice, sketches) FIELD(RestartOptions, starts)                      \
    FIELD(SlowOptions, gap_s) FIELD(SlowOptions, keys) FIELD(Recurrence, last) FIELD(Hitters, base)                    \
    FIELD(Hitters, ring) FIELD(Hitters, dropped) FIELD(AppState, starts) FIELD(AgentState, run) FIELD(Job, run)        \
    FIELD(Job, overlaps) FIELD(Asked, count) FIELD(Asked, most_nusd) FIELD(Seldom, asked_at)                           \
    FIELD(Seldom, asked_nusd) FIELD(Seldom, woken) FIELD(Seldom, depth) FIELD(Seldom, prompted)                        \
    FIELD(RepeatOptions, warn) FIELD(StagnationOptions, warn) FIELD(FailureOptions, warn)                              \
    FIELD(ParaphraseOptions, warn) FIELD(MonologueOptions, warn) FIELD(PingpongOptions, warn)                          \
    FIELD(UnattendedOptions, spend_asked) FIELD(UnattendedOptions, spend_usd) FIELD(UnattendedOptions, warn)           \
    FIELD(History, stale) FIELD(History, familiar) FIELD(History, lag)

/* What the kernel asks of the pure form where an event is not an ordinary one. */
#define FUNCTIONS(FUNCTION)                                                                                            \
    FUNCTION(account) FUNCTION(read) FUNCTION(learn) FUNCTION(learn_cycle) FUNCTION(learn_context) FUNCTION(nothing)   \
    FUNCTION(is_busy) FUNCTION(acts) FUNCTION(looks_up)

/* Numbers of bins in which two sketches agree, from which they are so alike; and whole numbers of the pure form. */
#define LIMITS(LIMIT)                                                                                                  \
    LIMIT(akin_answers) LIMIT(news_below) LIMIT(said_alike) LIMIT(long_alike) LIMIT(templated) LIMIT(context_akin)     \
    LIMIT(news) LIMIT(calls) LIMIT(near) LIMIT(numbers) LIMIT(inputs) LIMIT(outputs) LIMIT(texts) LIMIT(symbols)       \
    LIMIT(brief_words) LIMIT(answer_words) LIMIT(step_words) LIMIT(said_words) LIMIT(long_words) LIMIT(prompt_words)   \
    LIMIT(context_words) LIMIT(context_calls) LIMIT(slow_words) LIMIT(slow_sparse) LIMIT(exempt) LIMIT(manner_full)    \
    LIMIT(manner_rest) LIMIT(context_pieces) LIMIT(context_leak) LIMIT(familiar_full) LIMIT(shared_percent)            \
    LIMIT(nearly_percent) LIMIT(hardly_percent) LIMIT(ids) LIMIT(members) LIMIT(max_lag) LIMIT(patient_from)           \
    LIMIT(job_words) LIMIT(asked) LIMIT(answer) LIMIT(said) LIMIT(ancestors) LIMIT(addressees)

/* Weights and spans of time of the pure form, by its module and its name there. */
#define WEIGHTS(WEIGHT)                                                                                                \
    WEIGHT(calls, SAME) WEIGHT(calls, AGAIN) WEIGHT(calls, NEARBY) WEIGHT(calls, SILENT) WEIGHT(calls, TERSE)          \
    WEIGHT(calls, UNNAMED) WEIGHT(calls, SPIN_GAP_S) WEIGHT(calls, UNLOGGED) WEIGHT(calls, OTHER_ERROR)                \
    WEIGHT(calls, UNKNOWN_ERROR) WEIGHT(calls, FLIPPED) WEIGHT(calls, MANY_WORDS) WEIGHT(calls, IDLE)                  \
    WEIGHT(calls, PRESSED) WEIGHT(calls, MOVING) WEIGHT(calls, HALF) WEIGHT(calls, QUARTER) WEIGHT(calls, BRISK_S)     \
    WEIGHT(calls, SLOW_GAP_S) WEIGHT(calls, SAME_MOMENT_S) WEIGHT(calls, WAITED) WEIGHT(calls, FEW)                    \
    WEIGHT(calls, PATIENT) WEIGHT(calls, BETWEEN) WEIGHT(against, POLL_GAP_S) WEIGHT(backoff, HEAD)                    \
    WEIGHT(backoff, LEAST_S) WEIGHT(backoff, LONGER) WEIGHT(backoff, RISING) WEIGHT(backoff, STEEP)                    \
    WEIGHT(backoff, JITTER) WEIGHT(backoff, SLOWED) WEIGHT(variants, COUNTED) WEIGHT(variants, STALE)                  \
    WEIGHT(variants, OTHERWISE) WEIGHT(variants, WANDERING) WEIGHT(variants, ALIKE) WEIGHT(variants, AKIN)             \
    WEIGHT(variants, HALF) WEIGHT(variants, EMPTY) WEIGHT(variants, CLOSE) WEIGHT(variants, MANY_WORDS)                \
    WEIGHT(variants, SOME_WORDS) WEIGHT(reworded, REWORDED) WEIGHT(reworded, MANY_WORDS) WEIGHT(reworded, SOME_WORDS)  \
    WEIGHT(reworded, FEW_WORDS) WEIGHT(reworded, NOTHING) WEIGHT(reworded, ITEM) WEIGHT(reworded, LITTLE)              \
    WEIGHT(reworded, SOME) WEIGHT(reworded, RUNS_LOW) WEIGHT(reworded, LOW) WEIGHT(reworded, RUNS_THIN)                \
    WEIGHT(reworded, THIN) WEIGHT(reworded, ALL_BUT_A_FEW) WEIGHT(reworded, AGAIN) WEIGHT(reworded, AGAIN_TERSE)       \
    WEIGHT(evidence, CAP) WEIGHT(evidence, FAINT_CAP) WEIGHT(evidence, LEAK) WEIGHT(evidence, ITEM_LEAK)               \
    WEIGHT(evidence, UNLOGGED_LEAK) WEIGHT(steps, CLOSES_AFTER_S) WEIGHT(brood, PROMPTS) WEIGHT(brood, BURST)          \
    WEIGHT(spawn, ALIKE) WEIGHT(spawn, SECOND) WEIGHT(spawn, DEEPER) WEIGHT(spawn, BARREN) WEIGHT(spawn, STORM)        \
    WEIGHT(unattended, DECAY) WEIGHT(pingpong, CAP) WEIGHT(pingpong, TURNS) WEIGHT(pingpong, KEPT)                     \
    WEIGHT(pingpong, SKETCHES) WEIGHT(pingpong, ALIKE_WORDS) WEIGHT(pingpong, SHORT_WORDS) WEIGHT(pingpong, COURTESY)  \
    WEIGHT(pingpong, LITTLE) WEIGHT(pingpong, HARDLY) WEIGHT(pingpong, LEAK) WEIGHT(pingpong, LONG_WORDS)              \
    WEIGHT(pingpong, VOICES) WEIGHT(said, CAP) WEIGHT(said, SHORT) WEIGHT(said, SLOW_GAP_S) WEIGHT(said, SLOW)         \
    WEIGHT(said, SLOW_CAP) WEIGHT(said, HARDLY) WEIGHT(said, SAME_SIZE) WEIGHT(said, UNPROMPTED) WEIGHT(said, LEAK)

/* The same of how alike two texts must be, which is told as the bins in which their sketches agree. */
#define LIKENESSES(LIKE)                                                                                               \
    LIKE(calls, NEARLY_SAME) LIKE(pingpong, ALIKE) LIKE(variants, ERROR_ALIKE) LIKE(variants, ALIKE_FROM)              \
    LIKE(variants, AKIN_FROM) LIKE(variants, CLOSE_FROM) LIKE(variants, ELSEWHERE_ALIKE)                               \
    LIKE(reworded, AKIN_ARGUMENTS) LIKE(reworded, AKIN_FRAME) LIKE(reworded, AKIN_ANSWERS)

/* Classes of results. */
#define KLASSES(KLASS) KLASS(content) KLASS(empty) KLASS(ack) KLASS(error) KLASS(pending) KLASS(bare)

/* Detectors of which it is known what they look at first (watchers.c). */
#define WATCHERS(WATCHER)                                                                                              \
    WATCHER(repeat) WATCHER(cycle) WATCHER(stagnation) WATCHER(failure) WATCHER(monologue) WATCHER(paraphrase)         \
    WATCHER(pingpong) WATCHER(slow) WATCHER(degenerate) WATCHER(spawn) WATCHER(restart) WATCHER(compaction)            \
    WATCHER(context) WATCHER(unattended) WATCHER(rate) WATCHER(cohort)

#define AS_CLASS(class) class##_,
#define AS_FIELD(class, field) class##_##field,
#define AS_FUNCTION(function) pure_##function,
#define AS_LIMIT(limit) limit_##limit,
#define AS_LIKENESS(module, name) alike_##module##_##name,
#define AS_WEIGHT(module, name) weight_##module##_##name,
#define AS_KLASS(klass) klass_##klass,
#define AS_WATCHER(watcher) watcher_##watcher,
enum { CLASSES(AS_CLASS) CLASS_COUNT };
enum { FIELDS(AS_FIELD) FIELD_COUNT };
enum { FUNCTIONS(AS_FUNCTION) FUNCTION_COUNT };
enum { LIMITS(AS_LIMIT) LIMIT_COUNT };
enum { LIKENESSES(AS_LIKENESS) LIKENESS_COUNT };
enum { WEIGHTS(AS_WEIGHT) WEIGHT_COUNT };
enum { KLASSES(AS_KLASS) KLASS_COUNT };
enum { WATCHERS(AS_WATCHER) WATCHER_COUNT };

/* The words that an event's `op`, `status` and `trigger` may be, as the interned strings that they are. */
#define WORDS(WORD)                                                                                                    \
    WORD(chat) WORD(execute_tool) WORD(invoke_agent) WORD(message) WORD(compact) WORD(heartbeat) WORD(run_start)       \
    WORD(run_end) WORD(ok) WORD(empty) WORD(error) WORD(denied) WORD(rate_limited) WORD(held) WORD(human)              \
    WORD(schedule) WORD(agent) WORD(tool)
#define AS_WORD(word) word_##word,
enum { WORDS(AS_WORD) WORD_COUNT };

#endif
