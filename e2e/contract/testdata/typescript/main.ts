import { Configuration, ErrorReplyFromJSON, PortalApi, ResponseError } from './client';

declare const process: { argv: string[] };
const [basePath, accessToken, role] = process.argv.slice(2);
const api = new PortalApi(new Configuration({ basePath, accessToken }));
api.getAtripToken({ linkRequest: { orderNo: 'X1', role } }).then(
  ({ url }) => console.log(200, url),
  async (error: ResponseError) => {
    const { code, message } = ErrorReplyFromJSON(await error.response.json());
    console.log(error.response.status, code ?? message);
  },
);
