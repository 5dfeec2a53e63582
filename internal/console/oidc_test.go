package console_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/usherhq/usher/internal/console"
)

// issuer is a provider that logs everybody in. Tests change the claims and the answers.
type issuer struct {
	t      *testing.T
	web    *httptest.Server
	key    *rsa.PrivateKey
	other  *rsa.PrivateKey            // not published
	claims func(map[string]any)       // changes the claims of an ID token
	info   map[string]any             // the user info
	sign   func(claims []byte) string // nil: with key
	asked  url.Values                 // the last request for a log-in
	// elsewhere is the host to which the token endpoint redirects; "": none.
	elsewhere string
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{t: t, claims: func(map[string]any) {}, info: map[string]any{}}
	var err error
	if i.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if i.other, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		i.json(w, map[string]any{
			"issuer": i.web.URL, "authorization_endpoint": i.web.URL + "/auth", "token_endpoint": i.web.URL + "/token", "jwks_uri": i.web.URL + "/keys",
			"userinfo_endpoint": i.web.URL + "/info", "id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		i.json(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: i.key.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("/auth", func(w http.ResponseWriter, r *http.Request) {
		i.asked = r.URL.Query()
		http.Redirect(w, r, i.asked.Get("redirect_uri")+"?code=c&state="+url.QueryEscape(i.asked.Get("state")), http.StatusFound)
	})
	mux.HandleFunc("/info", func(w http.ResponseWriter, _ *http.Request) { i.json(w, i.info) })
	mux.HandleFunc("/token", i.token)
	i.web = httptest.NewServer(mux)
	t.Cleanup(i.web.Close)
	return i
}

func (i *issuer) json(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

// token answers the exchange of a code, if the verifier of PKCE is the one of the log-in.
func (i *issuer) token(w http.ResponseWriter, r *http.Request) {
	if i.elsewhere != "" {
		http.Redirect(w, r, i.elsewhere, http.StatusTemporaryRedirect)
		return
	}
	if challengeOf(r.PostFormValue("code_verifier")) != i.asked.Get("code_challenge") || i.asked.Get("code_challenge_method") != "S256" {
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		return
	}
	claims := map[string]any{
		"iss": i.web.URL, "aud": "usher", "sub": "s-1", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		"nonce": i.asked.Get("nonce"), "preferred_username": "ada", "groups": []string{"staff", "ops"},
	}
	i.claims(claims)
	text, _ := json.Marshal(claims)
	sign := i.sign
	if sign == nil {
		sign = func(claims []byte) string { return signed(i.t, i.key, claims) }
	}
	i.json(w, map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": sign(text)})
}

// challengeOf returns the challenge of a verifier, by RFC 7636.
func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func signed(t *testing.T, key *rsa.PrivateKey, claims []byte) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	text, err := token.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// oidcWorld is a console with a log-in at a provider.
func oidcWorld(t *testing.T, i *issuer, change func(*console.OIDC)) *world {
	t.Helper()
	w := newWorld(t, console.Config{People: people})
	o := &console.OIDC{
		Issuer: i.web.URL, ClientID: "usher", Secret: "the-secret-of-usher-at-the-provider", NameClaim: "preferred_username",
		Rules: []console.OIDCRule{
			{Claim: "groups", Value: "ops", Operator: true, Rights: console.Rights{Vendors: []string{"lead"}, May: []string{"pause"}}},
			{Claim: "groups", Value: "staff"},
		},
	}
	if change != nil {
		change(o)
	}
	web := httptest.NewUnstartedServer(nil)
	o.RedirectURL = "http://" + web.Listener.Addr().String() + "/console/oidc/callback"
	web.Config.Handler = w.pages(console.Config{People: people, OIDC: o})
	web.Start()
	t.Cleanup(web.Close)
	w.web = web
	return w
}

// TestLogInAtProvider logs in with rights by a claim, and out.
func TestLogInAtProvider(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	w := oidcWorld(t, i, nil)
	b := w.browser()
	if _, text := b.get("/console/login"); !strings.Contains(text, `data-do="oidc"`) {
		t.Fatal("the page has no log-in at the provider")
	}
	answer, text := b.do(b.request(http.MethodGet, "/console/oidc/login?next=/console/audit", nil))
	if answer.Header.Get("Refresh") != "0; url=/console/audit" || !strings.Contains(text, "Logged in") {
		t.Fatalf("got %d %s %s", answer.StatusCode, answer.Header.Get("Refresh"), text)
	}
	if i.asked.Get("scope") != "openid" || i.asked.Get("nonce") == "" || i.asked.Get("response_type") != "code" {
		t.Errorf("asked for %v", i.asked)
	}
	_, text = b.get("/console/")
	if !strings.Contains(text, "ada") || !strings.Contains(text, "operator") {
		t.Errorf("who is not shown:\n%s", text)
	}
	b.form = formKey(t, text)
	if status, _ := b.post("/console/vendors/lead/pause", "for", "1h"); status != http.StatusOK {
		t.Errorf("within the rights: got %d", status)
	}
	if status, _ := b.post("/console/deletions", "do", "approve", "vendor", "lead", "reason", "x"); status != http.StatusForbidden {
		t.Errorf("beyond the rights: got %d", status)
	}
	b.post("/console/logout")
	if _, text := b.get("/console/"); !strings.Contains(text, "Log in") {
		t.Error("the session goes on after the log-out")
	}
}

// TestLogInAtProviderIsRefused changes one thing at a time: nobody gets in.
func TestLogInAtProviderIsRefused(t *testing.T) {
	t.Parallel()
	none := func(claims []byte) string {
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims) + "."
	}
	set := func(name string, value any) func(*issuer) {
		return func(i *issuer) { i.claims = func(c map[string]any) { c[name] = value } }
	}
	for name, test := range map[string]struct {
		change func(*issuer)
		want   string
	}{
		"another nonce":         {set("nonce", "of-another-log-in"), "another log-in"},
		"no nonce":              {set("nonce", ""), "another log-in"},
		"another audience":      {set("aud", "another-client"), "not valid"},
		"another issuer":        {set("iss", "https://elsewhere.example.org"), "not valid"},
		"expired":               {set("exp", time.Now().Add(-time.Hour).Unix()), "not valid"},
		"an unknown key":        {func(i *issuer) { i.sign = func(c []byte) string { return signed(i.t, i.other, c) } }, "not valid"},
		"no signature":          {func(i *issuer) { i.sign = none }, "not valid"},
		"another access token":  {set("at_hash", "bm90IHRoaXMgb25l"), "another ID token"},
		"no group":              {set("groups", []string{"pupils"}), "no rule"},
		"a part of a group":     {set("groups", "ops,staff"), "no rule"},
		"the name of a person":  {set("preferred_username", "ann"), "has the name already"},
		"the name of the token": {set("preferred_username", "operator"), "has the name already"},
		"user info of another": {func(i *issuer) {
			i.claims = func(c map[string]any) { delete(c, "groups") }
			i.info = map[string]any{"sub": "s-2", "groups": "ops"}
		}, "another person"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			test.change(i)
			w := oidcWorld(t, i, nil)
			b := w.browser()
			status, text := b.get("/console/oidc/login")
			if status < 400 || !strings.Contains(text, test.want) {
				t.Errorf("got %d, want %q in\n%s", status, test.want, text)
			}
			if _, text := b.get("/console/"); !strings.Contains(text, `id="token"`) {
				t.Error("there is a session")
			}
		})
	}
}

// TestCallbackBelongsToBrowser sends callbacks that this browser did not ask for.
func TestCallbackBelongsToBrowser(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	w := oidcWorld(t, i, nil)
	b := w.browser()
	if status, _ := b.get("/console/oidc/callback?code=c&state=s"); status != http.StatusBadRequest {
		t.Errorf("without a log-in: got %d", status)
	}
	b.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.Contains(r.URL.Path, "callback") {
			return http.ErrUseLastResponse
		}
		return nil
	}
	b.get("/console/oidc/login")
	if status, _ := b.get("/console/oidc/callback?code=c&state=another"); status != http.StatusBadRequest {
		t.Errorf("with another state: got %d", status)
	}
	if status, _ := w.browser().get("/console/oidc/callback?code=c&state=" + i.asked.Get("state")); status != http.StatusBadRequest {
		t.Errorf("in another browser: got %d", status)
	}
	if status, _ := b.get("/console/oidc/callback?code=c&state=" + i.asked.Get("state")); status != http.StatusOK {
		t.Errorf("the right one: got %d", status)
	}
}

// TestSessionsOfProviderFollowConfiguration has a session that another configuration ends, and one
// of the same configuration in another process.
func TestSessionsOfProviderFollowConfiguration(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	w := oidcWorld(t, i, nil)
	b := w.browser()
	b.get("/console/oidc/login")
	at, _ := url.Parse(w.web.URL + "/console/")
	cookies := b.client.Jar.Cookies(at)
	for name, test := range map[string]struct {
		change func(*console.OIDC)
		want   bool
	}{
		"the same":       {nil, true},
		"another rule":   {func(o *console.OIDC) { o.Rules[0].Rights.May = []string{"replay"} }, false},
		"another secret": {func(o *console.OIDC) { o.Secret = "another-secret-of-usher" }, false},
	} {
		other := oidcWorld(t, i, func(o *console.OIDC) {
			if test.change != nil {
				test.change(o)
			}
		})
		o := other.browser()
		there, _ := url.Parse(other.web.URL + "/console/")
		o.client.Jar.SetCookies(there, cookies)
		if _, text := o.get("/console/"); strings.Contains(text, `data-page="overview"`) != test.want {
			t.Errorf("%s: the session is valid: %v", name, !test.want)
		}
	}
}

func TestUserInfoGivesClaims(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.claims = func(c map[string]any) { delete(c, "groups"); delete(c, "preferred_username") }
	i.info = map[string]any{"sub": "s-1", "groups": []string{"staff"}, "preferred_username": "grace"}
	w := oidcWorld(t, i, nil)
	b := w.browser()
	b.get("/console/oidc/login")
	if _, text := b.get("/console/"); !strings.Contains(text, "grace <small>reader") {
		t.Errorf("got\n%s", around(text, `class="who"`))
	}
}

func TestProviderAway(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	w := oidcWorld(t, i, nil)
	i.web.Close()
	b := w.browser()
	if status, text := b.get("/console/oidc/login"); status != http.StatusBadGateway || !strings.Contains(text, "does not answer") {
		t.Errorf("got %d", status)
	}
	if b := w.login(bobsToken); b.form == "" {
		t.Error("tokens do not work without the provider")
	}
}

// TestOnlyVerifiedEmailCounts logs in with the e-mail of an operator, which a person may have set.
func TestOnlyVerifiedEmailCounts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		token, info map[string]any
		in          bool
	}{
		"verified":               {map[string]any{"email": "ada@example.org", "email_verified": true}, nil, true},
		"verified, as a text":    {map[string]any{"email": "ada@example.org", "email_verified": "true"}, nil, true},
		"verified, in user info": {map[string]any{"email": "ada@example.org"}, map[string]any{"sub": "s-1", "email_verified": true}, true},
		"not verified":           {map[string]any{"email": "ada@example.org", "email_verified": false}, nil, false},
		"not verified, as text":  {map[string]any{"email": "ada@example.org", "email_verified": "false"}, nil, false},
		"nothing said":           {map[string]any{"email": "ada@example.org"}, map[string]any{"sub": "s-1"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			i.claims, i.info = func(c map[string]any) { maps.Copy(c, test.token) }, test.info
			w := oidcWorld(t, i, func(o *console.OIDC) {
				o.Rules = []console.OIDCRule{{Claim: "email", Value: "ada@example.org", Operator: true}}
			})
			if status, text := w.browser().get("/console/oidc/login"); (status == http.StatusOK) != test.in {
				t.Errorf("got %d:\n%s", status, text)
			}
		})
	}
}

// TestCodeAndSecretGoToTheProviderAlone has a provider whose token endpoint redirects elsewhere.
func TestCodeAndSecretGoToTheProviderAlone(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	i := newIssuer(t)
	i.elsewhere = other.URL
	if status, _ := oidcWorld(t, i, nil).browser().get("/console/oidc/login"); status < 400 || elsewhere.Load() > 0 {
		t.Errorf("got %d, and %d requests elsewhere", status, elsewhere.Load())
	}
}
