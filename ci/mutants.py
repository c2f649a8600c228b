# SPDX-License-Identifier: Apache-2.0
"""Finds the places in a C source where one small change makes a different program.

mutants(path, text) reads the text as C tokens: comments, strings and the preprocessor stay as they are. A statement parser, just
good enough for our style, knows conditions, calls, returns and flags from declarations. Outside functions only tables change: rows
disappear, flags and booleans flip.
"""
import re
from dataclasses import dataclass

TOKEN = re.compile(
    r'(?P<blank>\s+|//[^\n]*|/\*.*?\*/)|(?P<line>^[ \t]*\#(?:[^\n\\]|\\.)*)'
    r'|(?P<text>[LuU8]*"(?:[^"\\]|\\.)*"|[LuU]?\'(?:[^\'\\]|\\.)*\')|(?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)|(?P<name>[A-Za-z_]\w*)'
    r'|(?P<sign>\.\.\.|<<=|>>=|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|.)', re.M | re.S)

SWAPS = {"<": "<=", ">": ">=", "<=": "<", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&", "+": "-", "-": "+",
         "/": "*", "%": "/", "<<": ">>", ">>": "<<", "&": "|", "|": "&", "+=": "-=", "-=": "+=", "|=": "&=", "&=": "|=",
         "++": "--", "--": "++"}
BOOLEANS = {"true": "false", "false": "true"}
UNARY_TOO = {"+", "-", "&"}
CONTROL = {"if", "while", "for", "switch"}
TYPES = {"char", "short", "int", "long", "unsigned", "signed", "float", "double", "bool", "void", "struct", "enum", "union",
         "static", "const", "va_list", "DIR"}
# A log line is for people: no test is asked to pin its words. What should never happen has no test.
UNTESTED_CALL = re.compile(r"log_\w+|va_end|abort|assert|static_assert|_Static_assert")
DESCRIPTOR = re.compile(r"(\w+_)?fd|dir")
FLAG = re.compile(r"[A-Z][A-Z0-9]*_\w+")
CLEANUP = re.compile(r"_[a-z]+(?:_[a-z]+)*_$")
CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Mutant:
    path: str
    kind: str
    start: int
    end: int
    replacement: str
    # The statement that it is in, as offsets; None: data, which no line executes.
    statement: tuple | None = None

    def apply(self, text):
        return text[:self.start] + self.replacement + text[self.end:]

    def line(self, text):
        return text.count("\n", 0, self.start) + 1

    def lines(self, text):
        """The lines of its statement."""
        first, last = self.statement
        return range(text.count("\n", 0, first) + 1, text.count("\n", 0, last) + 2)

    def diff(self, text):
        """The line as it was and as it is."""
        mutated = self.apply(text)
        first = text.rfind("\n", 0, self.start) + 1
        old = text[first:_end_of_line(text, self.end)]
        new = mutated[first:_end_of_line(mutated, self.start + len(self.replacement))]
        return " ".join(old.split()), " ".join(new.split())


def _end_of_line(text, at):
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def tokens(text):
    found = []
    for match in TOKEN.finditer(text):
        if match.lastgroup not in ("blank", "line"):
            found.append(Token(match.lastgroup, match[0], match.start(), match.end()))
    return found


class Parser:
    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.t = tokens(text)
        self.found = []
        self.here = None

    # ---- structure ----

    def word(self, i):
        return self.t[i].text if 0 <= i < len(self.t) else ""

    def close(self, i):
        """The token that closes the bracket at i."""
        opening, depth = self.word(i), 0
        for at in range(i, len(self.t)):
            if self.word(at) == opening:
                depth += 1
            elif self.word(at) == CLOSING[opening]:
                depth -= 1
                if depth == 0:
                    return at
        return len(self.t) - 1

    def file(self):
        """A brace after a parenthesis at the top level opens a function, one after an equals sign a table."""
        i = 0
        while i < len(self.t):
            if self.word(i) == "{" and self.word(i - 1) == ")":
                i = self.block(i)
            elif self.word(i) == "{" and self.word(i - 1) == "=":
                self.here = None
                i = self.table(i)
            elif self.word(i) in CLOSING:
                i = self.close(i) + 1
            else:
                i += 1
        return sorted(self.found, key=lambda m: (m.start, m.end, m.kind, m.replacement))

    def table(self, i):
        end, first = self.close(i), i + 1
        rows = self.word(i - 2) == "]"
        while first < end:
            last = first
            while self.word(last) != "," and last < end:
                last = self.close(last) + 1 if self.word(last) in CLOSING else last + 1
            if rows:
                self.add("dropped row", first, min(last, end - 1), "")
            first = last + 1
        for at in range(i, end):
            if self.word(at) in BOOLEANS:
                self.add("constant", at, at, BOOLEANS[self.word(at)])
            elif self.word(at) == "|":
                self.flags(at)
        return end + 1

    def block(self, i):
        end = self.close(i)
        i += 1
        while i < end:
            i = self.statement(i)
        return end + 1

    def statement(self, i):
        """Parses one statement; returns the index after it."""
        word = self.word(i)
        if word == "{":
            return self.block(i)
        if word in ("else", "do"):
            return self.statement(i + 1)
        if word in ("case", "default"):
            while self.word(i) != ":":
                i += 1
            return i + 1
        if self.t[i].kind == "name" and self.word(i + 1) == "(":
            end = self.close(i + 1)
            if word in CONTROL or (word.isupper() and (self.word(end + 1) == "{" or self.t[end + 1].kind == "name")):
                self.header(word, i + 1, end)
                return self.statement(end + 1)
        if self.t[i].kind == "name" and self.word(i + 1) == ":" and word != "default":
            return i + 2
        end = i
        while self.word(end) != ";":
            end = self.close(end) + 1 if self.word(end) in CLOSING else end + 1
            if end >= len(self.t):
                return end
        self.simple(i, end)
        return end + 1

    def is_declaration(self, i):
        first, second = self.t[i], self.t[i + 1]
        if first.kind != "name" or first.text == "return":
            return False
        return first.text in TYPES or first.text.endswith("_t") or second.kind == "name"

    # ---- mutations ----

    def add(self, kind, first, last, replacement):
        self.found.append(Mutant(self.path, kind, self.t[first].start, self.t[last].end, replacement, self.here))

    def header(self, word, opening, end):
        self.here = (self.t[opening].start, self.t[end].end)
        if word in ("if", "while") and end > opening + 1:
            inside = self.text[self.t[opening].end:self.t[end].start]
            self.add("negated condition", opening, end, f"(!({inside}))")
        if word in CONTROL:
            self.expression(opening + 1, end, declaration=False)

    def simple(self, i, end):
        word = self.word(i)
        self.here = (self.t[i].start, self.t[end].end) if word != "static" else None
        if UNTESTED_CALL.fullmatch(word):
            return
        declaration = self.is_declaration(i)
        if CLEANUP.match(word) and declaration:
            self.add("dropped cleanup", i, i, "__attribute__((unused))")
        elif word in ("break", "continue", "goto"):
            self.add(f"dropped {word}", i, end, ";")
        elif word == "return":
            self.returns(i, end)
        elif not declaration and end > i:
            self.drop(i, end)
        if declaration or end - i > 1:
            self.expression(i, end, declaration)

    def returns(self, i, end):
        last = self.word(end + 1) == "}" and self.closes_function(end + 1)
        if not last:
            self.add("dropped return", i, end, ";")
        if end > i + 1 and (self.word(i + 1) == "-" or self.word(i + 1) == "error_set"):
            self.add("error not returned", i, end, "return 0;")

    def closes_function(self, i):
        at = self.t[i].start
        return at == 0 or self.text[at - 1] == "\n"

    def drop(self, i, end):
        """Our own text says what a statement is: a name with an argument list, or something with an assignment in it."""
        if self.word(i + 1) == "(" and self.close(i + 1) == end - 1:
            self.add("dropped call", i, end, ";")
        elif any(self.word(at) in ("=", "+=", "-=", "|=", "&=") for at in range(i, end)):
            self.add("dropped assignment", i, end, ";")

    def expression(self, i, end, declaration):
        brackets = 0
        for at in range(i, end):
            token = self.t[at]
            if token.text in "[]":
                brackets += 1 if token.text == "[" else -1
            if token.kind == "number" and not (declaration and brackets):
                self.constant(at)
            elif token.text in BOOLEANS:
                self.add("constant", at, at, BOOLEANS[token.text])
            elif token.text == "|" and (FLAG.fullmatch(self.word(at - 1)) or FLAG.fullmatch(self.word(at + 1))):
                self.flags(at)
            elif token.kind == "sign" and token.text in SWAPS and self.is_binary(at) and not self.is_descriptor_check(at):
                self.add("operator", at, at, SWAPS[token.text])

    def is_descriptor_check(self, at):
        """No descriptor of the product is 0, so "fd < 0" and "fd <= 0" are the same."""
        return self.word(at) in ("<", ">=") and self.word(at + 1) == "0" and bool(DESCRIPTOR.fullmatch(self.word(at - 1)))

    def flags(self, at):
        """A set of flags without one of them; the first one of all has no sign in front of it."""
        if FLAG.fullmatch(self.word(at + 1)):
            self.add("dropped flag", at, at + 1, "")
        if self.word(at - 2) != "|" and FLAG.fullmatch(self.word(at - 1)):
            self.add("dropped flag", at - 1, at, "")

    def is_binary(self, at):
        if self.t[at].text not in UNARY_TOO:
            return True
        before = self.t[at - 1]
        return before.kind in ("number", "text") or before.text in ")]" or (before.kind == "name" and before.text not in
                                                                           ("return", "case", "sizeof"))

    def constant(self, at):
        digits = re.sub(r"[uUlL]+$", "", self.t[at].text)
        try:
            value = int(digits, 8 if re.fullmatch(r"0[0-7]+", digits) else 0)
        except ValueError:
            return
        if value == 0 and self.word(at - 1) in ("return", ":") and self.word(at + 1) == ";":
            self.add("constant", at, at, "-1")  # 0 and 1 are both success
            return
        # Nobody can tell -1 from -2. Compared with 0, another operator says the same; the mode of an open that creates nothing means nothing.
        if self.word(at - 1) != "-" and (value or not (self.word(at - 1) in ("<", ">", "<=", ">=", "==", "!=") or self.is_mode_of_open(at))):
            self.add("constant", at, at, str(value + 1))
        if value:
            self.add("constant", at, at, "0")

    def is_mode_of_open(self, at):
        if self.word(at + 1) != ")" or self.word(at - 1) != ",":
            return False
        calls = [i for i in range(max(0, at - 40), at) if self.word(i) == "(" and self.close(i) == at + 1]
        return bool(calls) and self.word(calls[-1] - 1) == "sys_openat"


def mutants(path, text):
    return Parser(path, text).file()
