import sys

from client import AuthenticatedClient
from client.api.portal.get_atrip_token import sync_detailed
from client.models import Link, LinkRequest

base, token, role = sys.argv[1:]
reply = sync_detailed(client=AuthenticatedClient(base_url=base, token=token), body=LinkRequest(order_no="X1", role=role))
if isinstance(reply.parsed, Link):
    print(200, reply.parsed.url)
else:
    print(int(reply.status_code), reply.parsed.code or reply.parsed.message)
