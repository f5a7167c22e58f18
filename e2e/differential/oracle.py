"""Makes random requests of operators and says from docs/policy.md alone what the broker must answer.

    oracle.py SEED COUNT

prints a JSON object per line: event, an event for the function; want, which is "permitted", "denied" or "unidentified"
(the request carries no identity); and token, the claims that the identity provider signed, for a person who reads a failure.

permitted() never sees the token that was signed, only what the broker sees. identified() sees only the signed token:
nothing may be permitted that the token does not say, whatever the documentation permits.
"""

import base64
import json
import pathlib
import random
import sys
import unicodedata

EVENTS = pathlib.Path(__file__).resolve().parents[2] / "events"
ROLES = {"Customer service": "atrip-customer-service", "Finance": "atrip-finance", "Developer": "atrip-developer",
         "Admin": "atrip-admin"}
NAMES = ["amelia@example.com", "oskar@example.com"]


def alphabet():
    """Every character that may separate, enclose, hide or reorder text, by kind."""
    kinds = {"space": "", "bracket": "", "comma": "", "quote": "", "invisible": "", "combining": "", "control": ""}
    for c in map(chr, [*range(0xD800), *range(0xE000, 0x110000)]):
        category, name = unicodedata.category(c), unicodedata.name(c, "")
        if c.isspace() and c not in "\x1c\x1d\x1e\x1f":  # the property White_Space
            kinds["space"] += c
        elif category in ("Ps", "Pe"):
            kinds["bracket"] += c
        elif "COMMA" in name and category[0] == "P":
            kinds["comma"] += c
        elif category in ("Pi", "Pf") or "QUOTATION" in name or "APOSTROPHE" in name:
            kinds["quote"] += c
        elif category == "Cf" or "FILLER" in name or "BLANK" in name:
            kinds["invisible"] += c
        elif category == "Mn":
            kinds["combining"] += c
        elif category == "Cc":
            kinds["control"] += c
    return list(kinds.values()) + [" ", ",", '"', "[", "]", "{}", "é客ﬀ\ufffd\U0001f600", "aA0<>:|\\"]


SPACES, *_ = ALPHABET = alphabet()


# What the broker must do.

def separates(text):
    return any(c in SPACES or c in ',"[]' for c in text)


def text_of(value):
    """Numbers and booleans count as text; None for any other value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, str)) else None


def list_of(value):
    """An array of texts, numbers and booleans, as texts; None for any other value."""
    texts = [text_of(v) for v in value] if isinstance(value, list) else [None]
    return None if None in texts else texts


def identity(claims):
    """The name and the groups that typed claims give, or None. Null claims are absent."""
    claims = {name: value for name, value in claims.items() if value is not None}
    name, sub = text_of(claims.get("email")), text_of(claims.get("sub"))
    if not name or not sub:
        return None
    if "email_verified" in claims and text_of(claims["email_verified"]) != "true":
        return None
    groups = claims.get("groups", [])
    if list_of(groups) is not None:
        return name, list_of(groups)
    group = text_of(groups)
    if not group or separates(group):
        return None
    return name, [group]


def ambiguous(claim, text, rest):
    return (text.startswith(("[", "map[")) and text.endswith("]") or text.startswith("{") and text.endswith("}")
            or text in ("<nil>", "null") or rest and "," in text or claim == "groups" and separates(text))


def renders(value, text, rest):
    """Whether an authorizer passes the value on as this text."""
    if text_of(value) is not None:
        return text_of(value) == text
    if list_of(value) is not None:
        return text == "[" + " ".join(list_of(value)) + "]" or rest and text == ",".join(list_of(value))
    return text != ""  # unknown for objects


def broker(kind, claims, header):
    """The identity that the broker must read from an authorizer's claims."""
    if kind.endswith("lambda"):  # it may return a JSON array as text
        return identity({name: json_array(value) for name, value in claims.items()})
    if kind == "appsync":
        return identity(claims)
    rest = kind == "rest"
    if not any(ambiguous(name, text, rest) for name, text in claims.items()):
        return identity(claims)
    if header is None:
        return None
    token = {name: value for name, value in header.items() if value is not None}
    if set(token) != set(claims) or not all(renders(token[name], claims[name], rest) for name in token):
        return None
    return identity(token)


def json_array(value):
    try:
        array = json.loads(value) if isinstance(value, str) else None
    except ValueError:
        return value
    return array if isinstance(array, list) and list_of(array) is not None else value


def answer(who, user, role):
    if who is None:
        return "unidentified"
    return "permitted" if who[0] == user and ROLES[role] in who[1] else "denied"


# What is sent.

def odd(r):
    return r.choice(r.choice(ALPHABET))


def group(r):
    """A group's name: often one that grants a role, or a text that may be taken for one."""
    known = list(ROLES.values())
    a, b = r.choice(known + ["staff"]), r.choice(known)
    return r.choice([a] * 8 + [a + odd(r) + b, a + odd(r) + b, odd(r) + a, a + odd(r), odd(r) + a + odd(r), f"[{a}]", f"map[{a}:{b}]",
                     f"[{a}{odd(r)}{b}]", f"{{{a}}}", json.dumps([a, b]), f"{a} {b}", f"{a},{b}", f'"{a}"', a.upper(), "", "<nil>", "null"])


def scalar(r):
    return r.choice([group(r), group(r), r.randrange(9), True, False])


def signed(r):
    """The claims of a token."""
    claims = {"iss": "https://login.example.com", "exp": 1773345838, "sub": "00u1", "email": r.choice(NAMES[:1] * 9 + NAMES)}
    groups = [group(r) for _ in range(r.randrange(4))]
    claims["groups"] = r.choice([groups] * 6 + [group(r)] * 3 + [[scalar(r) for _ in range(2)], scalar(r), None, {"a": group(r)}, [groups]])
    if r.random() < 0.1:
        del claims["groups"]
    if r.random() < 0.1:
        claims["sub"] = r.choice(["", None, 7, ["00u1"], group(r)])
    if r.random() < 0.2:
        name = claims["email"]
        claims["email"] = r.choice([name + odd(r), odd(r) + name, [name], [name, NAMES[1]], f"[{name}]", f'["{name}"]', "", None, 5, {"a": name},
                                    f"{name},{NAMES[1]}", f"{name} {NAMES[1]}", "<nil>"])
    if r.random() < 0.2:
        claims["email_verified"] = r.choice([True, True, "true", False, "false", "", None, "TRUE", 1, [True]])
    for claim in ("scope", "amr", "address"):
        if r.random() < 0.1:
            claims[claim] = r.choice([group(r), [group(r)], {"a": 1}, [{"a": 1}], None, scalar(r), "openid email"])
    return claims


def go_text(value):
    """How Go prints a value inside others."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{k}:{go_text(v)}" for k, v in value.items()) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(go_text, value)) + "]"
    return "<nil>" if value is None else text_of(value)


def rendered(claims, rest):
    """The claims as a JWT or Cognito authorizer passes them on."""
    texts = {name: go_text(value) for name, value in claims.items() if value is not None}
    if rest:
        texts |= {name: ",".join(list_of(value)) for name, value in claims.items() if list_of(value) is not None}
    return texts


def header(r, claims, texts, rest):
    """The claims of the token in the Authorization header; None for no usable token. A client cannot choose another token
    that the authorizer would pass on in the same way, as the authorizer reads this header."""
    other = claims | r.choice([{"sub": "00u2"}, {"groups": list(ROLES.values())}, {"new": 1}, {"email": NAMES[1]}, {"exp": 1}])
    token = r.choice([claims] * 6 + [None, other])
    if token is other and set(texts) == {n for n, v in other.items() if v is not None} and \
            all(renders(v, texts[n], rest) for n, v in other.items() if v is not None):
        return claims
    return token


def encode(r, token):
    part = base64.urlsafe_b64encode(json.dumps(token, ensure_ascii=r.random() < 0.5).encode()).decode().rstrip("=")
    return f"Bearer e30.{part}.c2lnbmF0dXJl"


def context(r, claims, rest):
    """The claims as a Lambda authorizer returns them: a REST API's only as scalars."""
    if not rest:
        return {name: json.dumps(value) if isinstance(value, list) and r.random() < 0.3 else value for name, value in claims.items()}
    return {name: value if text_of(value) is not None or value is None else json.dumps(value) for name, value in claims.items()}


def case(r, samples):
    kind = r.choice(["http", "http", "http", "rest", "rest", "appsync", "http-lambda", "rest-lambda"])
    claims, user = signed(r), r.choice(NAMES[:1] * 9 + NAMES[1:])
    named = [role for role, group in ROLES.items() if group in json.dumps(claims)]
    role = r.choice(named if named and r.random() < 0.8 else list(ROLES))
    event = json.loads(samples[kind])
    body = {"orderNo": "XPFIW20220209163159425", "userName": user, "role": role}
    token, passed = None, claims
    if kind == "appsync":
        event["identity"] |= {"claims": claims}
        event["arguments"] = body
    else:
        event["body"] = json.dumps(body)
        event.get("multiValueHeaders", {}).pop("Authorization", None)
        event["headers"].pop("Authorization", None)
    if kind in ("http", "rest"):
        passed = rendered(claims, kind == "rest")
        token = header(r, claims, passed, kind == "rest")
        if token is not None:
            event["headers"]["authorization"] = encode(r, token)
            if kind == "rest":
                event["multiValueHeaders"]["authorization"] = [event["headers"]["authorization"]]
        authorizer = event["requestContext"]["authorizer"]
        (authorizer["jwt"] if kind == "http" else authorizer)["claims"] = passed
    elif kind == "http-lambda":
        passed = event["requestContext"]["authorizer"]["lambda"] = context(r, claims, False)
    elif kind == "rest-lambda":
        passed = context(r, claims, True)
        event["requestContext"]["authorizer"] = passed | {"principalId": "example"}
        if passed.get("sub") is None:  # principalId takes its place
            passed = passed | {"sub": "example"}
    want = answer(broker(kind, passed, token), user, role)
    if want == "permitted" and not says(claims, user, role, kind):
        sys.exit(f"docs/policy.md permits what the token does not say: {kind} {claims} {user} {role}")
    return {"event": event, "want": want, "token": claims}


def says(claims, user, role, kind):
    """Whether the signed claims themselves name the user and the group. An array of one value counts as that value: a
    REST API passes both on in the same way."""
    groups = claims.get("groups")
    if kind.endswith("lambda"):
        groups = json_array(groups)
    return claims.get("email") in (user, [user]) and (groups == ROLES[role] or isinstance(groups, list) and ROLES[role] in groups)


def main():
    r = random.Random(int(sys.argv[1]))
    samples = {kind: (EVENTS / f"{name}.json").read_text() for kind, name in {
        "http": "http-api-jwt", "rest": "rest-api-cognito", "appsync": "appsync-oidc", "http-lambda": "http-api-lambda",
        "rest-lambda": "rest-api-lambda"}.items()}
    for _ in range(int(sys.argv[2])):
        print(json.dumps(case(r, samples)))


if __name__ == "__main__":
    main()
