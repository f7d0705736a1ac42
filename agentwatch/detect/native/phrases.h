/* What a reading says in words, as the pure form does, and the kinds of evidence. */
#ifndef AGENTWATCH_PHRASES_H
#define AGENTWATCH_PHRASES_H

#include <Python.h>

#define PHRASES(PHRASE)                                                                                                \
    PHRASE(repeat, "repeat")                                                                                           \
    PHRASE(stagnation, "stagnation")                                                                                   \
    PHRASE(failure, "failure")                                                                                         \
    PHRASE(paraphrase, "paraphrase")                                                                                   \
    PHRASE(poll, "the answer is pending and some time went by: a poll")                                                \
    PHRASE(unknown_answers, "the same call again, answers unknown")                                                    \
    PHRASE(no_arguments, "the log holds no arguments")                                                                 \
    PHRASE(busy, "the other side says that it is busy")                                                                \
    PHRASE(spin, "a pending answer is asked for in a spin")                                                            \
    PHRASE(pending_again, "a pending answer is asked for again and again")                                             \
    PHRASE(same_error, "the same call fails with the same error")                                                      \
    PHRASE(same_answer, "the same call gets the same answer")                                                          \
    PHRASE(same_empty, "the same call gets the same empty answer again")                                               \
    PHRASE(empty_in_a_row, "the same call in a row gets the same empty answer")                                        \
    PHRASE(had_before, "the same call with an answer that was had before")                                             \
    PHRASE(answer_moves, "a number in the answer moves one way")                                                       \
    PHRASE(nearly_same, "the same call with nearly the same answer")                                                   \
    PHRASE(fails_in_a_row, "the same call fails again, nothing lies between")                                          \
    PHRASE(says_else, "the error says something else than before")                                                     \
    PHRASE(fails_again, "the same call fails again")                                                                   \
    PHRASE(error_moves, "a number in the error moves one way")                                                         \
    PHRASE(fails_alike, "the same call fails with much the same error")                                                \
    PHRASE(changed_between, "something was changed between the two calls")                                             \
    PHRASE(waits_longer, "it waits longer each time")                                                                  \
    PHRASE(at_leisure, "a short call with a short answer, made at leisure")                                            \
    PHRASE(minute_apart, "the calls are more than a minute apart")                                                     \
    PHRASE(other_tool, "another tool, and much the same error")                                                        \
    PHRASE(tool_after_tool, "one tool after the other fails")                                                          \
    PHRASE(nothing_comes, "nearly the same arguments, nothing comes back again")                                       \
    PHRASE(numbers_nothing, "only numbers change in the arguments, nothing is found again")                            \
    PHRASE(changed_nothing, "changed arguments, nothing is found again")                                               \
    PHRASE(changed_same, "changed arguments, the same answer again")                                                   \
    PHRASE(numbers_failure, "only numbers change in the arguments, the same failure")                                  \
    PHRASE(changed_failure, "changed arguments, the same failure")                                                     \
    PHRASE(alike_failure, "much the same call fails with much the same error")                                         \
    PHRASE(acknowledged_calls, "one of a few calls that are acknowledged again and again")                             \
    PHRASE(nothing_new, "a like call, and nothing in the answer is new")                                               \
    PHRASE(other_words, "the same in other words, acknowledged again")
#define AS_PHRASE(name, words) phrase_##name,
enum { PHRASES(AS_PHRASE) PHRASE_COUNT };

extern PyObject *phrases[PHRASE_COUNT];

#endif
