import 'atrip-link';
import { createRoot } from 'react-dom/client';

createRoot(document.querySelector('main')).render(
  <atrip-link endpoint="/getAtripToken.do" order-no="X1" role="Finance"
    getAuthorization={async () => 'Bearer react'} onatrip-done={() => { document.title = 'done'; }} />,
);
