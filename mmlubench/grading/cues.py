"""Cues: the words with which a reply names its answer, as data. `rules.py` and `guards.py` build patterns from them.

Every field is a list of phrases with `|` between them; a phrase may use regular-expression syntax. A blank in a phrase
also matches emphasis, as in `the **correct** answer`.
"""

from __future__ import annotations

from typing import NamedTuple


class Cues(NamedTuple):
    """The words of one language that stand around the letter of an answer."""

    # from a noun to the letter
    answer: str
    """Nouns that almost always announce the answer: any letter after `answer:` is accepted."""
    option: str
    """Nouns that may also mean something else: the letter after them must stand alone to be accepted."""
    label: str
    """Nouns that may stand right before the letter: `answer: option B`."""
    about: str
    """Words that open a phrase between noun and verb: `the answer to this question is B`."""
    copula: str
    """Verbs between noun and letter; without those that express doubt (could be, might be)."""
    surely: str
    """Words between verb and letter: `the answer is therefore B`."""

    # other ways to choose
    choose: str
    """Phrases with which the speaker chooses an option: `I choose B`."""
    conclude: str
    """Phrases with which the speaker arrives at an option: `it must be B`."""
    corrects: str
    """Words with which the speaker takes back an answer, before a phrase of `conclude`: `no, wait, it's B`."""
    therefore: str
    """Words that end a line together with the letter: `Therefore, B.`"""
    point: str
    """Verbs that choose an option only if a label follows: `this matches option B`."""
    before_verdict: str
    """Words allowed before the letter of `… B is correct`, so that `hepatitis B is correct` is not read as B."""
    verdict: str
    """Phrases that call a letter the answer: `B is the best choice`."""
    open_verdict: str
    """Words that make a verdict conditional: `B is correct if …`."""

    # what denies a choice
    denied_before: str
    """Phrases right before a cue that show that it is not the speaker's answer: `I doubt that the answer is A`."""
    denied_noun: str
    """Words right before a noun that make it another answer: `a tempting answer is A`."""
    denied_inside: str
    """Words between cue and letter that negate the sentence: `the answer that is not right is A`."""
    denied_after: str
    """Phrases right after a letter that rule it out: `A is wrong`."""
    called_wrong: str
    """Phrases that call an option wrong even after a bracket: `A) is wrong`. Others may be the option's own text."""

    # letters that are no choice
    joined: str
    """Words between several options: `A and C`."""
    also: str
    """Words that may follow a word of `joined`: `A or maybe C`."""
    clause: str
    """Verbs that begin a new clause with a second letter: `B, and A is wrong` names only B."""
    both_right: str
    """Words after a verb of `clause` with which the clause does name both letters: `A or B is correct`."""
    reason: str
    """Words that may follow a letter that stands alone: `B because`."""
    not_a_noun: str
    """Words that cannot follow an article: `A because` is option A, whereas in `A cat` the A is an article."""
    compound: str
    """Words that make a letter part of a name: `B cells`."""
    species: str
    """Names that stand after an initial and a full stop: `E. coli`."""
    explains: str
    """Words of a paragraph that explains the letter on the line above it."""


ENGLISH = Cues(
    answer=r"answer(?:(?:[_-]| )?(?:key|choice|option|letter))?|answers(?=\s?:(?!\W{0,6}\n)|\s{1,2}are\b)|ans\b\.?",
    option="option|choice|alternative|letter|selection|pick|guess|solution|response|conclusion|verdict"
    r"|correct (?:one|options|choices)(?!\s?:\W{0,6}\n)",
    label="answer choice|answer|option|choice|alternative|letter|the letter|the option",
    about="to|for|here|among|from|of|in|on|as|that|which|based|given|I|we|therefore|thus|then|hence",
    copula="is(?: (?:most )?likely to be)?|are|was|remains|(?:would|should|must|will) be|has to be"
    "|(?:(?:seems|appears|turns out) )?to be",
    surely="therefore|thus|then|hence|clearly|(?:most )?(?:likely|probably)|definitely|indeed|obviously|actually"
    "|certainly|simply|in fact|still",
    choose="(?:I|we|let's|let us|let me)(?:'d|'ll|'m|'ve| would| will| am| have| shall| must)?"
    "(?: have to| therefore| thus| then| definitely| confidently| finally| going to| to)?"
    " (?:choos(?:e|ing)|chose|chosen|pick(?:ed|ing)?|select(?:ed|ing)?|go(?:ing)? (?:with|for)|went with"
    "|opt(?:ing)? for|settl(?:e|ing) on|vote for|say|think|believe|guess|conclude|answer)"
    "(?: that)?(?: it(?:'s| is| must be| should be| would be))?"
    "|going with",
    conclude="it(?:'s| is| must be| should be| would be| has to be)(?: definitely| clearly| therefore| probably)?"
    "|(?:we|I|you)(?: are| am|'re|'m) left with(?: only)?"
    "|(?:(?:that|this|which) leaves|leaves us|leaving)(?: us)?(?: with)?(?: only)?",
    corrects="no,? wait|wait,? (?:no|actually)|actually,? no|(?:scratch|strike) that|correction|on second thoughts?",
    therefore="therefore|thus|hence|so|consequently|accordingly|finally|in conclusion",
    point="match(?:es|ing)|corresponds to|points to|(?:this|that|which)(?:'s| is| would be| must be)"
    r"|(?:best|correct|correctly|most|right)(?: [^\s.?!;:]{1,20}){1,12}? (?:is|would be)",
    before_verdict="that|mak(?:es|ing)|so|therefore|thus|hence|only|but|because|while|whereas|think|believe|means"
    "|option|choice|answer|letter|alternative"
    r"|(?<!(?-i:[A-Z])\s)(?<!(?-i:[A-Z])\)\s)and",  # not the one of "A and B is correct"
    verdict="(?:is|was|must be|should be|would be|(?:seems|appears)(?: to be)?|has to be)"
    "(?: (?:indeed|clearly|definitely|therefore|thus|obviously|certainly|actually|(?:most )?(?:likely|probably)))?"
    " (?:the |my |our )?(?:(?:only|single|one|most [a-z]+) )?"
    "(?:(?:correct|right|best|accurate|final)"
    r"(?: (?:answer|option|choice|one|response|fit|match))?|answer|choice|pick)\b"
    r"|fits best\b|matches best\b|makes the most sense\b"
    r"|(?:is|seems|appears) the most (?:accurate|appropriate|suitable|likely|plausible|fitting|reasonable)\b"
    r"|(?:as )?the (?:only |single )?(?:correct|right|best) (?:answer|option|choice)\b"
    r"|best (?:describes|fits|matches|explains|captures|answers|represents)\b",
    open_verdict="if|when|only|but|except|in that|unless|or",
    denied_before=(
        # I don't think that the …   It is not true that the …   I doubt that the …   Suppose the …
        r"(?:(?:n't|not|never|cannot)(?: [a-z]+){0,2}"
        " (?:think|believe|say|claim|sure|certain|convinced|agree|case|true)(?: if| whether)?"
        r"|\b(?:(?<!no\s)doubt|unless|if|whether|suppose|supposing|imagine|assume|assuming|pretend)"
        # Some people think that the …   Maybe the …
        r"|\b(?:some|many|most|people|students|one|you|others|they)(?: [a-z]+){0,4}"
        " (?:think|thought|say|believe|assume|guess|argue|claim)"
        r"|\b(?:maybe|perhaps|possibly|(?:might|could|may) be)"
        # A common mistake is to say that the …   It is tempting to think that the …
        r"|\b(?:mistake|error|trap|tempting|wrong|incorrect)(?: (?:is|was|would be|here|is just))?"
        " to (?:say|think|assume|believe|answer|conclude|claim|guess))"
        "(?: that)?(?: the| my| our| it)?(?: correct| right| best| final)?"
    ),
    denied_noun="each|every|any|incorrect|wrong|worst|false|bad|other|another|first|initial|previous|original|earlier"
    "|next|second"
    "|tempting|common|popular|least [a-z]+|not (?:the|a|an|my)(?: [a-z]+)?|second(?: |-)best",
    denied_inside=r"\b(?:not|never|incorrect|wrong|except|could|might)\b|n't\b",
    denied_after=r"(?:is|was|seems|looks|would be|can be|must be|has been)(?: [a-z]+ly| also| just| thus){0,2}"
    r" (?:wrong|incorrect|not|false|out|ruled out|eliminated|excluded|unlikely|impossible|invalid|inaccurate)\b"
    r"|(?:isn't|wasn't|cannot|can't|can not|doesn't|does not|won't|wouldn't|couldn't)\b",
    called_wrong=r"(?:is|was|seems)(?: [a-z]+ly| also| just| thus){0,2}"
    r" (?:wrong|incorrect|ruled out|eliminated|excluded|not (?:the |a )?(?:correct|right|answer|best|true))\b"
    r"|(?:cannot|can't|isn't|couldn't) (?:be )?(?:the )?(?:correct|right|answer|best)\b"
    r"|[(\u2013\u2014-]\s?(?:incorrect|wrong\))",
    joined="and/or|and|or|nor|as well as|plus|vs?|through|to",
    also="maybe|possibly|perhaps|also|even",
    clause="is|was|isn't|wasn't|does|doesn't|has|would|could|can|cannot|can't|seems|refers|describes|represents"
    "|means|says|states|involves|applies",
    both_right=" (?:also |both )?(?:correct|right|possible|plausible)| both",
    reason="because|since|as|for|due|given|based|over|by|rather|instead|from|and|or|but|here|again|then|plus",
    not_a_noun="because|since|is|are|was|as|the|an|it|its|this|these|those|they|there|which|and|or|but|rather|instead"
    "|explanation|he|she|we|you|all|both|neither|if|when|what|how|why|where|who|whether|in|on|at|by|to|from|with|of"
    "|their|his|her",
    compound="cells?|lymphocytes?|major|minor|sharp|flat|chord|vitamins?|sections?",
    species="coli|elegans|difficile|botulinum|tetani|perfringens|albicans|subtilis|anthracis|cereus|pertussis"
    "|burgdorferi|melanogaster|thaliana|pylori|influenzae|sapiens|erectus|habilis|neanderthalensis|afarensis|africanus"
    "|fragilis|diphtheriae|trachomatis|faecalis",
    explains="explanation|explain|reason|why|because|others?|incorrect|wrong|correct|since",
)
