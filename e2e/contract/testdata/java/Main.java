import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.PortalApi;
import org.openapitools.client.model.ErrorReply;
import org.openapitools.client.model.LinkRequest;

public class Main {
  public static void main(String[] args) throws Exception {
    ApiClient client = new ApiClient();
    client.updateBaseUri(args[0]);
    client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + args[1]));
    try {
      System.out.println("200 " + new PortalApi(client).getAtripToken(new LinkRequest().orderNo("X1").role(args[2]), null).getUrl());
    } catch (ApiException e) {
      ErrorReply reply = client.getObjectMapper().readValue(e.getResponseBody(), ErrorReply.class);
      System.out.println(e.getCode() + " " + (reply.getCode() != null ? reply.getCode().getValue() : reply.getMessage()));
    }
  }
}
