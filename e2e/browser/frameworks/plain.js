import 'atrip-link';

document.body.innerHTML = '<atrip-link endpoint="/getAtripToken.do" order-no="X1" role="Finance"></atrip-link>';
const link = document.querySelector('atrip-link');
link.getAuthorization = async () => 'Bearer plain';
link.addEventListener('atrip-done', () => { document.title = 'done'; });
