// The console's own words, in English and Chinese. English texts of the page are in index.html.

const TEXTS = {
  en: {
    expired: 'Your sign-in has expired. The orders stay here; sign in again to open them.',
    signInFailed: 'Signing in did not succeed ({reason}). Try again.',
    people: '{n} travelling', ticketed: 'Ticketed', pending: 'Pending', bags: 'Bags added', cancelled: 'Cancelled',
    notGranted: '{name} is not in the group that grants the role {role}: the broker will refuse.',
    expect: 'Expect: {answer}', faultFailed: 'The switch did not answer. Is the process still running?',
    'part-none': 'Nothing', 'part-atlas': 'Atlas', 'part-secret': 'Secrets Manager', 'part-gateway': 'API Gateway', 'part-token': 'Sign-in',
    ownMs: 'Broker', SecretMs: 'Secret', WaitMs: 'Wait', AtlasMs: 'Atlas', TotalMs: 'Total',
    byGateway: 'by the gateway', wholeLine: 'Whole line', preflights: 'CORS preflights of the browser: {n}',
  },
  zh: {
    product: '后台系统', tagline: 'ATRIP 令牌代理演示控制台',
    apiPage: 'API 参考', language: '语言', signIn: '登录', signOut: '退出',
    orders: '订单', openAs: '角色', account: '账户', order: '订单号', trip: '行程', status: '状态', portal: '门户',
    ordersCaption: '示例订单，每行有一个在 ATRIP 中打开的按钮',
    heroTitle: '登录后查看订单', heroText: '选择一位示例操作员。他们的角色不同，您可以看到各自能打开什么。',
    expired: '登录已过期。订单仍保留在此页；请重新登录后再打开。', signInAgain: '重新登录',
    signInFailed: '登录未成功（{reason}）。请重试。',
    people: '{n} 位旅客', ticketed: '已出票', pending: '处理中', bags: '已加行李', cancelled: '已取消',
    notGranted: '{name} 不在授予 {role} 角色的用户组中：代理会拒绝请求。',
    faults: '故障开关', faultsText: '每次让一个环节出错，再打开订单：您看到的就是操作员看到的。',
    expect: '预期结果：{answer}', faultFailed: '开关没有响应。进程是否仍在运行？',
    'part-none': '无', 'part-atlas': 'Atlas', 'part-secret': 'Secrets Manager', 'part-gateway': 'API Gateway', 'part-token': '登录',
    audit: '审计', noLines: '暂无记录。请打开一个订单。',
    auditText: '每个请求一行，与函数写出的一致。其中从不包含密钥或令牌链接。',
    ownMs: '代理', SecretMs: '密钥', WaitMs: '等待', AtlasMs: 'Atlas', TotalMs: '合计', byGateway: '（网关）', wholeLine: '完整记录',
    preflights: '浏览器的 CORS 预检：{n}',
    'fault-none': '一切正常', 'fault-atlas-system-error': '系统错误（状态 2）', 'fault-atlas-unauthorized': '拒绝凭据（状态 3）',
    'fault-atlas-rate-limited': '限流', 'fault-atlas-slow': '慢 3 秒', 'fault-atlas-hang': '不响应', 'fault-atlas-garbage': '返回乱码',
    'fault-atlas-cut': '断开连接', 'fault-atlas-down': '无法连接', 'fault-secret-rotated': '密钥已轮换', 'fault-atlas-redirect': '重定向到别处', 'fault-atlas-bad-url': '链接指向别的主机',
    'fault-secret-denied': '拒绝读取密钥', 'fault-gateway-throttled': '网关限流', 
    'fault-function-failed': '函数崩溃', 'fault-sign-in-expired': '登录已过期',
  },
};

const marked = document.querySelectorAll('[data-text]');
for (const element of marked) TEXTS.en[element.dataset.text] = element.textContent;
let words = TEXTS.en;

/** The text of a key in the current language; fallback, then English, where it has none. */
export function text(key, values = {}, fallback = '') {
  const found = words[key] ?? (fallback || TEXTS.en[key]) ?? key;
  return found.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Changes the language, and every text of the page that is marked by data-text. */
export function speak(language) {
  words = TEXTS[language] ?? TEXTS.en;
  document.documentElement.lang = language;
  for (const element of marked) element.textContent = text(element.dataset.text);
}
