"""Verdicts over what the store has.

    traces        `TraceTail`: which traces are kept, once their spans from all over the host are known
    queue         which of them are due; `pending` is what is known of one
    deciding      the law: the lowest of the thresholds that apply, and who pays
    rules         a policy's rules, of all services of the host
    exceptional   the reserves of errors and slow traces; `slow` is what is slow for its key
    charging      what the budget leaves to chance at the samplers
    memory        what is remembered of traces that were judged
    verdict       the verdict itself

All of it is free of OpenTelemetry, threads and clocks: time is an argument.
"""
