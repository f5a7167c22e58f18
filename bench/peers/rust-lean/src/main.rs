// The lean Rust peer: lambda_runtime, one hyper client over rustls (ring, webpki-roots) for both calls,
// and a GetSecretValue signed by hand (SigV4) in place of aws-config and the SDK. Its roots are compiled in;
// PEER_ROOTS names a file with more.
use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use aws_lambda_events::http::{HeaderMap, HeaderValue, Request, Uri, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use ring::{digest, hmac};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::env;

type Http = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SecretValue {
    secret_string: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Secret {
    client_id: String,
    client_secret: String,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    order_no: String,
    user_name: String,
    role: String,
}

struct App {
    http: Http,
    url: Uri,
    id: HeaderValue,
    secret: HeaderValue,
}

fn reply(status: i64, body: impl Into<String>) -> ApiGatewayV2httpResponse {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut r = ApiGatewayV2httpResponse::default();
    r.status_code = status;
    r.headers = headers;
    r.body = Some(Body::Text(body.into()));
    r
}

fn hex(b: &[u8]) -> String {
    b.iter().fold(String::with_capacity(b.len() * 2), |mut s, x| {
        let _ = write!(s, "{x:02x}");
        s
    })
}

fn sha(b: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, b).as_ref())
}

fn mac(key: &[u8], msg: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), msg.as_bytes())
}

// yyyymmddThhmmssZ, by the days-to-civil algorithm.
fn amz_date(secs: u64) -> String {
    let (days, s) = (secs / 86400 + 719468, secs % 86400);
    let (era, doe) = (days / 146097, days % 146097);
    let yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (d, m) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let y = yoe + era * 400 + u64::from(m <= 2);
    format!("{y:04}{m:02}{d:02}T{:02}{:02}{:02}Z", s / 3600, s / 60 % 60, s % 60)
}

fn get_secret_request() -> Result<Request<Full<Bytes>>, Error> {
    let region = env::var("AWS_REGION")?;
    let base = env::var("AWS_ENDPOINT_URL_SECRETS_MANAGER")
        .unwrap_or_else(|_| format!("https://secretsmanager.{region}.amazonaws.com"));
    let url: Uri = format!("{base}/").parse()?;
    let host = url.authority().ok_or("endpoint has no host")?.as_str().to_owned();
    let body = serde_json::json!({ "SecretId": env::var("ATLAS_SECRET_ARN")? }).to_string();
    let (access, key) = (env::var("AWS_ACCESS_KEY_ID")?, env::var("AWS_SECRET_ACCESS_KEY")?);
    let token = env::var("AWS_SESSION_TOKEN").unwrap_or_default();
    let date = amz_date(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs());
    let (kind, target) = ("application/x-amz-json-1.1", "secretsmanager.GetSecretValue");
    let signed = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target";
    let canonical = format!(
        "POST\n/\n\ncontent-type:{kind}\nhost:{host}\nx-amz-date:{date}\nx-amz-security-token:{token}\nx-amz-target:{target}\n\n{signed}\n{}",
        sha(body.as_bytes())
    );
    let scope = format!("{}/{region}/secretsmanager/aws4_request", &date[..8]);
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", sha(canonical.as_bytes()));
    let mut k = mac(format!("AWS4{key}").as_bytes(), &date[..8]);
    for part in [region.as_str(), "secretsmanager", "aws4_request"] {
        k = mac(k.as_ref(), part);
    }
    let sig = hex(mac(k.as_ref(), &to_sign).as_ref());
    Ok(Request::post(url)
        .header("content-type", kind)
        .header("x-amz-date", date)
        .header("x-amz-security-token", token)
        .header("x-amz-target", target)
        .header(
            "authorization",
            format!("AWS4-HMAC-SHA256 Credential={access}/{scope}, SignedHeaders={signed}, Signature={sig}"),
        )
        .body(Full::from(body))?)
}

async fn send(http: &Http, req: Request<Full<Bytes>>) -> Result<Bytes, Error> {
    let res = tokio::time::timeout(Duration::from_secs(9), http.request(req)).await??;
    if !res.status().is_success() {
        return Err(format!("status {}", res.status()).into());
    }
    Ok(res.into_body().collect().await?.to_bytes())
}

impl App {
    async fn handle(&self, e: LambdaEvent<ApiGatewayV2httpRequest>) -> Result<ApiGatewayV2httpResponse, Error> {
        let input: Input = match serde_json::from_str(e.payload.body.as_deref().unwrap_or("")) {
            Ok(v) => v,
            Err(_) => return Ok(reply(400, r#"{"error":"invalid body"}"#)),
        };
        if input.order_no.is_empty() || input.user_name.is_empty() || input.role.is_empty() {
            return Ok(reply(400, r#"{"error":"missing field"}"#));
        }
        let req = Request::post(self.url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header("x-atlas-client-id", self.id.clone())
            .header("x-atlas-client-secret", self.secret.clone())
            .body(Full::from(serde_json::to_vec(&input)?))?;
        Ok(match send(&self.http, req).await {
            Ok(b) => reply(200, String::from_utf8_lossy(&b)),
            Err(_) => reply(502, r#"{"error":"upstream"}"#),
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Ok(file) = env::var("PEER_ROOTS") {
        roots.add(CertificateDer::from_pem_file(file)?)?;
    }
    let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let tls = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
    let http: Http = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(tls);
    let out: SecretValue = serde_json::from_slice(&send(&http, get_secret_request()?).await?)?;
    let secret: Secret = serde_json::from_str(&out.secret_string)?;
    let app = App {
        http,
        url: (env::var("ATLAS_BASE_URL")? + "/getAtripToken.do").parse()?,
        id: secret.client_id.parse()?,
        secret: secret.client_secret.parse()?,
    };
    let app = &app;
    run(service_fn(|e| app.handle(e))).await
}
