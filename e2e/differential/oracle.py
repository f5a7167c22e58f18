"""Makes random requests of operators and says from docs/policy.md alone what the broker must answer.

    oracle.py SEED COUNT

prints a JSON object per line: event, an event for the function; want, which is "permitted", "denied" or "unidentified"
(the request carries no identity); and token, the claims that the identity provider signed, for a person who reads a failure.
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

# Every character by its Unicode category, so that spaces, brackets, quotes, marks and directions are as frequent as letters.
KINDS = {"ASCII": list(' ,"[]{}<>:\\')}
for character in map(chr, [*range(0xD800), *range(0xE000, 0x110000)]):
    KINDS.setdefault(unicodedata.category(character), []).append(character)
ALPHABET = list(KINDS.values())


# What the broker must do.

def separates(text):
    return any(c.isspace() and c not in "\x1c\x1d\x1e\x1f" or c in ',"[]' for c in text)  # Unicode's White_Space has not these four


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
    name, sub, groups = text_of(claims.get("email")), text_of(claims.get("sub")), claims.get("groups", [])
    if not name or not sub or text_of(claims.get("email_verified", True)) != "true":
        return None
    if list_of(groups) is not None:
        return name, list_of(groups)
    group = text_of(groups)
    return (name, [group]) if group and not separates(group) else None


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


def read(texts, token, rest):
    """The identity that the broker must read from an authorizer's texts and the token in the Authorization header."""
    if not any(ambiguous(name, text, rest) for name, text in texts.items()):
        return identity(texts)
    token = {name: value for name, value in (token or {}).items() if value is not None}
    same = set(token) == set(texts) and all(renders(token[name], texts[name], rest) for name in token)
    return identity(token) if same else None


def says(claims, user, group):
    """Whether the signed claims themselves name the user and the group. An array of one value counts as that value: a
    REST API passes both on in the same way."""
    groups = claims.get("groups")
    return claims.get("email") in (user, [user]) and (groups == group or isinstance(groups, list) and group in groups)


# What is sent.

def odd(r):
    return r.choice(r.choice(ALPHABET))


def group(r):
    """A group's name: often one that grants a role, or a text that may be taken for one."""
    known = list(ROLES.values())
    a, b = r.choice(known + ["staff"]), r.choice(known)
    return r.choice([a] * 8 + [a + odd(r) + b, a + odd(r) + b, odd(r) + a, a + odd(r), odd(r) + a + odd(r), f"[{a}]", f"map[{a}:{b}]",
                     f"[{a}{odd(r)}{b}]", f"{{{a}}}", json.dumps([a, b]), f"{a} {b}", f"{a},{b}", f'"{a}"', a.upper(), "", "<nil>", "null"])


def sometimes(r, share, claims, name, *values):
    if r.random() < share:
        claims[name] = r.choice(values)


def signed(r):
    """The claims of a token. Null stands for a claim that is absent, too."""
    name, groups = r.choice(NAMES[:1] * 9 + NAMES), [group(r) for _ in range(r.randrange(4))]
    claims = {"iss": "https://login.example.com", "exp": 1773345838, "sub": "00u1", "email": name, "groups": groups}
    sometimes(r, 0.5, claims, "groups", group(r), group(r), [group(r), 7, True], 7, False, None, {"a": group(r)}, [groups])
    sometimes(r, 0.1, claims, "sub", "", None, 7, ["00u1"], group(r))
    sometimes(r, 0.2, claims, "email", name + odd(r), odd(r) + name, [name], [name, NAMES[1]], f"[{name}]", f'["{name}"]', "", None, 5,
              {"a": name}, f"{name},{NAMES[1]}", f"{name} {NAMES[1]}", "<nil>")
    sometimes(r, 0.2, claims, "email_verified", True, True, "true", False, "false", "", None, "TRUE", 1, [True])
    for claim in ("scope", "amr", "address"):
        sometimes(r, 0.1, claims, claim, group(r), [group(r)], {"a": 1}, [{"a": 1}], None, 7, True, "openid email")
    return claims


def go_text(value):
    """How Go prints a value inside others."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{k}:{go_text(v)}" for k, v in value.items()) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(go_text, value)) + "]"
    return text_of(value)


def rendered(claims, rest):
    """The claims as a JWT or Cognito authorizer passes them on."""
    texts = {name: go_text(value) for name, value in claims.items() if value is not None}
    if rest:
        texts |= {name: ",".join(list_of(value)) for name, value in claims.items() if list_of(value) is not None}
    return texts


def case(r, samples):
    kind, claims, user = r.choice(["http", "http", "rest", "rest", "appsync"]), signed(r), r.choice(NAMES[:1] * 9 + NAMES[1:])
    named = [role for role, group in ROLES.items() if group in json.dumps(claims)]
    role = r.choice(named if named and r.random() < 0.8 else list(ROLES))
    body = {"orderNo": "XPFIW20220209163159425", "userName": user, "role": role}
    event, rest = json.loads(samples[kind]), kind == "rest"
    if kind == "appsync":
        event["identity"]["claims"], event["arguments"] = claims, body
        who = identity(claims)
    else:
        texts, event["body"] = rendered(claims, rest), json.dumps(body)
        # The token in the header is the verified one, none, or another one that the authorizer would pass on in another way.
        other = {"sub": "00u2"}, {"groups": [*ROLES.values(), "x"]}, {"new": 1}, {"email": NAMES[1]}, {"exp": 1}, {"iss": None}
        token = r.choice([claims] * 6 + [None, claims | r.choice(other)])
        payload = base64.urlsafe_b64encode(json.dumps(token, ensure_ascii=r.random() < 0.5).encode()).decode().rstrip("=")
        event["headers"] = {"authorization": f"Bearer e30.{payload}.c2lnbmF0dXJl", "content-type": "application/json"}
        if rest:
            event["multiValueHeaders"] = {name: [value] for name, value in event["headers"].items()}
        authorizer = event["requestContext"]["authorizer"]
        (authorizer if rest else authorizer["jwt"])["claims"] = texts
        who = read(texts, token, rest)
    want = "unidentified" if who is None else "permitted" if who[0] == user and ROLES[role] in who[1] else "denied"
    # says sees only the signed token: nothing may be permitted that it does not say, whatever the documentation permits.
    if want == "permitted" and not says(claims, user, ROLES[role]):
        sys.exit(f"docs/policy.md permits what the token does not say: {kind} {claims} {user} {role}")
    return {"event": event, "want": want, "token": claims}


def main():
    r = random.Random(int(sys.argv[1]))
    files = {"http": "http-api-jwt", "rest": "rest-api-cognito", "appsync": "appsync-oidc"}
    samples = {kind: (EVENTS / f"{name}.json").read_text() for kind, name in files.items()}
    for _ in range(int(sys.argv[2])):
        print(json.dumps(case(r, samples)))


if __name__ == "__main__":
    main()
