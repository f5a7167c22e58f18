import sys

import openapi_client

base, token, role = sys.argv[1:]
api = openapi_client.PortalApi(openapi_client.ApiClient(openapi_client.Configuration(host=base, access_token=token)))
try:
    print(200, api.get_atrip_token(openapi_client.LinkRequest(order_no="X1", role=role)).url)
except openapi_client.ApiException as error:
    print(error.status, error.data.code.value if error.data.code else error.data.message)
