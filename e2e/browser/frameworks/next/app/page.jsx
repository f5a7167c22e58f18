'use client';

import { AtripLink } from 'atrip-link/react';

const page = () => (
  <AtripLink endpoint="/getAtripToken.do" orderNo="X1" role="Finance"
    getAuthorization={async () => 'Bearer next'} onDone={() => { document.title = 'done'; }} />
);
export default page;
