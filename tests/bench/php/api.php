<?php
// The onboarding as one would write it in PHP under mod_php: persistent connections, statements prepared once a
// connection, tenants and the skill remembered in APCu, nonces sealed with an HMAC, what is stored of a person encrypted under a
// key of the session's own, the same SQL functions.
const NONCE_TTL = 1800, SESSION_TTL = 86400, REPEAT = 120, CACHE_SECONDS = 5;

const STATEMENTS = [
    'tenant' => 'SELECT finq.tenant_seen($1, $2) AS tenant',
    'step' => 'SELECT outcome, step_id, expires_at FROM finq.submit_step($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, '
        . '$13, $14, $15, $16, $17, 0, $18, $19, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, $20)',
    'exchange' => 'SELECT outcome, credentials_id, salt, consent_exp, max_data_retention '
        . 'FROM finq.exchange_token($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)',
];

function answer(int $status, array $body): never
{
    $text = json_encode($body, JSON_UNESCAPED_SLASHES);
    http_response_code($status);
    header('Content-Type: application/json');
    header('Content-Length: ' . strlen($text));
    echo $text;
    exit;
}

function refuse(int $status, string $code): never
{
    answer($status, ['http' => $status, 'code' => $code]);
}

/** The persistent connection keeps its statements: only a new one fails here, and prepares. */
function call(string $name, array $values): array
{
    $db = pg_pconnect(getenv('DATABASE'));
    $rows = @pg_execute($db, $name, $values);
    if (!$rows) {
        pg_prepare($db, $name, STATEMENTS[$name]);
        $rows = pg_execute($db, $name, $values);
    }
    return pg_fetch_assoc($rows);
}

function tenant_of(string $client_id, string $hash): ?array
{
    $tenant = apcu_fetch($client_id, $known);
    if (!$known) {
        $tenant = json_decode(call('tenant', [$client_id, '\x' . $hash])['tenant'] ?? 'null', true);
        apcu_store($client_id, $tenant, CACHE_SECONDS);
    }
    return $tenant;
}

function text64(string $bytes): string
{
    return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
}

function bytes64(string $text): string
{
    return base64_decode(strtr($text, '-_', '+/'));
}

function mac(string $data): string
{
    return hash_hmac('sha256', $data, getenv('SECRET'), true);
}

function seal(array $claims): string
{
    $payload = text64(json_encode($claims));
    return $payload . '.' . text64(mac($payload));
}

function unseal(string $token, string $kind): ?array
{
    [$payload, $tag] = explode('.', $token, 2) + [1 => ''];
    if (!hash_equals(mac($payload), bytes64($tag))) {
        return null;
    }
    $claims = json_decode(bytes64($payload), true);
    return $claims['kind'] === $kind ? $claims : null;
}

/** A session's key is stored, and travels in its nonces, under this one. */
function master(): string
{
    return hash('sha256', 'data' . getenv('SECRET'), true);
}

function encrypt(string $key, string $data, string $place): string
{
    $iv = random_bytes(12);
    $sealed = openssl_encrypt($data, 'aes-256-gcm', $key, OPENSSL_RAW_DATA, $iv, $tag, $place);
    return $iv . $sealed . $tag;
}

function decrypt(string $key, string $sealed, string $place): string
{
    return openssl_decrypt(substr($sealed, 12, -16), 'aes-256-gcm', $key, OPENSSL_RAW_DATA, substr($sealed, 0, 12), substr($sealed, -16),
        $place);
}

function uuid7(int $time, ?string $rest = null): string
{
    $id = substr(pack('J', $time), 2) . substr($rest ?? random_bytes(10), 0, 10);
    $id[6] = chr(0x70 | (ord($id[6]) & 15));
    $id[8] = chr(0x80 | (ord($id[8]) & 63));
    return vsprintf('%s%s-%s-%s-%s-%s%s%s', str_split(bin2hex($id), 4));
}

function members(array $body, array $names): void
{
    if (array_diff_key($body, array_flip($names))) {
        refuse(400, 'unknown_fields');
    }
    foreach ($names as $name) {
        if (!isset($body[$name])) {
            refuse(400, 'missing_fields');
        }
        if ($name !== 'data' && !is_string($body[$name])) {
            refuse(400, 'invalid_field');
        }
    }
}

/** What the two forms of the benchmark's skill ask for. */
function fits(string $step, array $data): bool
{
    foreach ($data as $value) {
        if (!is_string($value)) {
            return false;
        }
    }
    if ($step === 'personal_data') {
        return count($data) === 4 && strlen($data['first_name'] ?? '') >= 1
            && strlen($data['last_name'] ?? '') >= 1 && filter_var($data['email'] ?? '', FILTER_VALIDATE_EMAIL)
            && preg_match('/^(\d{4})-(\d\d)-(\d\d)$/D', $data['birth_date'] ?? '', $m) && checkdate($m[2], $m[3], $m[1]);
    }
    return count($data) === 3 && preg_match('/^[0-9]{1,12}$/D', $data['value'] ?? '')
        && in_array($data['currency'] ?? '', ['EUR', 'RON'], true) && isset($data['period']);
}

function expiry(int $seconds): string
{
    return gmdate('Y-m-d\TH:i:s\Z', $seconds);
}

function start(array $body): never
{
    members($body, ['client_id', 'client_app_key', 'skill']);
    $hash = hash('sha256', $body['client_app_key']);
    $tenant = tenant_of($body['client_id'], $hash) ?? refuse(401, 'invalid_client_id');
    $keys = array_filter($tenant['app_keys'], fn ($key) => hash_equals($key['hash'], $hash));
    if (!$keys) {
        refuse(401, 'invalid_client_app_key');
    }
    if (!$tenant['active'] || $body['skill'] !== getenv('SKILL') || !in_array((int) getenv('SKILL_ID'), $tenant['skills'])) {
        refuse(401, 'unauthorized_tenant');
    }
    $started = (int) (microtime(true) * 1000);
    $session = uuid7($started);
    $expires = time() + NONCE_TTL;
    $nonce = seal(['kind' => 'nonce', 'client' => $body['client_id'], 'session' => $session, 'started' => $started, 'ordinal' => 1,
        'key' => reset($keys)['key_id'], 'expires' => $expires, 'data' => text64(encrypt(master(), random_bytes(32), $session))]);
    answer(200, ['nonce' => $nonce, 'session_id' => $session, 'status' => 'SESSION_CREATED', 'expires_at' => expiry($expires),
        'next_step' => 'personal_data']);
}

function step(array $body, string $text, string $session): never
{
    members($body, ['client_id', 'nonce', 'skill', 'step', 'data']);
    $steps = ['personal_data', 'product_form'];
    $claims = unseal($body['nonce'], 'nonce');
    if (!$claims || $claims['client'] !== $body['client_id']) {
        refuse(401, 'invalid_nonce');
    }
    if ($claims['expires'] <= time()) {
        refuse(401, 'expired_nonce');
    }
    if ($claims['session'] !== $session) {
        refuse(404, 'invalid_session_id');
    }
    $ordinal = $claims['ordinal'];
    if ($body['skill'] !== getenv('SKILL') || $body['step'] !== $steps[$ordinal - 1]) {
        refuse(400, 'invalid_step');
    }
    if (!is_array($body['data']) || !fits($body['step'], $body['data'])) {
        refuse(400, 'invalid_input');
    }
    $last = $ordinal === count($steps);
    $wrapped = bytes64($claims['data']);
    $key = decrypt(master(), $wrapped, $session);
    $step_id = uuid7($claims['started'], mac($session . $ordinal));
    $row = call('step', [$body['client_id'], $session, getenv('SKILL_ID'), $ordinal, $claims['key'], null,
        intdiv($claims['started'], 1000), $claims['expires'], $step_id, $body['step'],
        '\x' . hash('sha256', $text), '\x' . bin2hex(encrypt($key, json_encode($body['data']), 'step' . $step_id)), '{}',
        $last ? 'SESSION_COMPLETED' : 'SESSION_IN_PROGRESS', 1, NONCE_TTL, SESSION_TTL, $ordinal, $last ? 0 : $ordinal + 1,
        '\x' . bin2hex($wrapped)]);
    if ($row['outcome'] !== 'ok') {
        refuse(400, $row['outcome']);
    }
    $expires = (int) $row['expires_at'];
    $token = seal(['kind' => $last ? 'temp' : 'nonce', 'ordinal' => $ordinal + 1, 'expires' => $expires] + $claims);
    answer(200, $last
        ? ['step_id' => $row['step_id'], 'temp_token' => $token, 'status' => 'SESSION_COMPLETED', 'data' => new stdClass(),
           'expires_at' => expiry($expires), 'uploads' => []]
        : ['step_id' => $row['step_id'], 'nonce' => $token, 'status' => 'SESSION_IN_PROGRESS', 'data' => new stdClass(),
           'expires_at' => expiry($expires), 'next_step' => $steps[$ordinal], 'uploads' => []]);
}

function exchange(array $body): never
{
    members($body, ['client_id', 'client_secret', 'temp_token']);
    $claims = unseal($body['temp_token'], 'temp');
    $salt = random_bytes(16);
    $id = uuid7((int) (microtime(true) * 1000));
    $row = call('exchange', [$body['client_id'], '\x' . hash('sha256', $body['client_secret']),
        $claims && $claims['client'] === $body['client_id'] ? $claims['session'] : null, $claims['expires'] ?? 0, '{}', $id,
        '\x' . hash('sha256', text64(mac($salt . $id))), '\x' . bin2hex($salt), 1, REPEAT]);
    if ($row['outcome'] !== 'ok') {
        refuse(401, $row['outcome']);
    }
    $token = text64(mac(hex2bin(substr($row['salt'], 2)) . $row['credentials_id']));
    answer(200, ['access_token' => $token, 'credentials_id' => $row['credentials_id'],
        'consent_exp' => expiry((int) $row['consent_exp']), 'max_data_retention' => expiry((int) $row['max_data_retention'])]);
}

$text = file_get_contents('php://input');
$path = $_SERVER['REQUEST_URI'];
$body = json_decode($text, true);
if (!is_array($body)) {
    refuse(400, 'invalid_body');
}
if ($path === '/v1/sessions') {
    start($body);
}
if ($path === '/v1/token') {
    exchange($body);
}
if (preg_match('#^/v1/sessions/([^/]+)/steps$#', $path, $m)) {
    step($body, $text, $m[1]);
}
refuse(404, 'not_found');
