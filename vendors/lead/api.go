// Package lead is a client of the LEAD LMS by Fivable, written from the page "LEAD LMS API" of
// its wiki (https://fivable.atlassian.net/wiki/spaces/LEAD/pages/8421646).
package lead

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usherhq/usher/vendors"
)

const vendor = "lead"

// Config configures a client of LEAD. BaseURL, Email and Password are required.
type Config struct {
	vendors.Settings `yaml:",inline"` // the base URL is the tenant's host with /api; there is no default
	Email            string           `yaml:"email" env:"EMAIL"`       // of the service account, an administrator; LEAD has no API keys
	Password         vendors.Secret   `yaml:"password" env:"PASSWORD"` // of the service account
	// EnrollPath is the path of POST requests that enrol a user, below the base URL, with
	// {course} and {user} for the ids, such as courses/{course}/users/{user}. LEAD documents no
	// such call. Without a path, enrolments fail permanently.
	EnrollPath string `yaml:"enroll_path" env:"ENROLL_PATH"`
	// UnenrollPath is the path that ends an enrolment. A method other than POST may come first,
	// such as DELETE courses/{course}/users/{user}; a DELETE has no body.
	UnenrollPath string `yaml:"unenroll_path" env:"UNENROLL_PATH"`
	// Update is the handling of user.updated: UpdateRefuse (default) or UpdateResetPassword.
	Update string `yaml:"update" env:"UPDATE"`
}

// The values of Config.Update. LEAD takes no update without a password and never shows a
// password, so every update sets a new one.
const (
	UpdateRefuse        = "refuse"         // updates become dead letters
	UpdateResetPassword = "reset_password" // updates set a random password, and the user must reset the password
)

// Defaults returns a Config without credentials. LEAD documents no rate limit. Laravel, LEAD's
// framework, allows 60 calls per minute by default, hence 1 per second.
func Defaults() Config {
	return Config{Settings: vendors.DefaultSettings("", 1), Update: UpdateRefuse}
}

// Needs returns the settings that turn LEAD on.
func (Config) Needs() vendors.Needs {
	return vendors.Needs{Credentials: []string{"email", "password"}, More: []string{"base_url"}}
}

// Faults returns the faults of the values of update, enroll_path and unenroll_path.
func (c Config) Faults() []vendors.Fault {
	faults := vendors.OneOf("update", c.Update, UpdateRefuse, UpdateResetPassword)
	if strings.Contains(c.EnrollPath, "://") {
		faults = append(faults, vendors.Fault{Name: "enroll_path", Problem: "is a whole URL, not a path below the base URL", Fix: "want a path such as courses/{course}/users/{user}"})
	}
	if _, err := routeOf(c.UnenrollPath); err != nil {
		faults = append(faults, vendors.Fault{Name: "unenroll_path", Problem: err.Error(), Fix: "want a path such as DELETE courses/{course}/users/{user}"})
	}
	return faults
}

// Validate returns all faults of c, joined, or nil. An empty Update is UpdateRefuse.
func (c Config) Validate() error {
	c.Update = cmp.Or(c.Update, UpdateRefuse)
	return vendors.InvalidConfig(vendor, slices.Concat(
		c.Faults(),
		vendors.RequireURL("base_url", c.BaseURL),
		vendors.Require("email", c.Email),
		vendors.Require("password", c.Password.Reveal()),
	))
}

// API has one method per documented call of LEAD. An API is safe for concurrent use.
type API struct {
	calls *vendors.Client
	login *vendors.Client // without credentials, and with half the timeout, because a log-in happens within another call
}

// tokenUse is how long a token is used. Tokens live for 48 h, according to the newest version
// of the page; the token itself has no expiry.
const tokenUse = 40 * time.Hour

// NewAPI returns a client that logs in at the first call.
func NewAPI(c Config) *API {
	login := c.Options()
	login.Timeout = cmp.Or(c.Timeout, 10*time.Second) / 2
	a := &API{login: vendors.NewClient(vendor, login, nil, c.Password)}
	auth := vendors.NewTokens("Authorization", "Bearer ", func(ctx context.Context, _ vendors.Secret) (vendors.Secret, time.Duration, error) {
		t, err := a.LogIn(ctx, c.Email, c.Password)
		return t.AccessToken, tokenUse, vendors.LogInRefused(err)
	})
	a.calls = vendors.NewClient(vendor, c.Options(), auth, c.Password)
	return a
}

// Token is the response of a log-in. AccessToken is opaque ("4|xnx8…"), although the page calls
// the token a JWT.
type Token struct {
	AccessToken vendors.Secret `json:"access_token"`
	TokenType   string         `json:"token_type"` // Bearer
}

// LogIn is POST api/login with the form fields email and password (LEAD LMS API, newest
// version). A wrong password is 401 {"message":"Invalid login details"}. A repeat only issues
// another token.
func (a *API) LogIn(ctx context.Context, email string, password vendors.Secret) (Token, error) {
	var out Token
	form := url.Values{"email": {email}, "password": {password.Reveal()}}
	err := a.login.Do(ctx, vendors.Call{Op: "log in", Method: http.MethodPost, Path: "/login", Form: form, Repeatable: true, NoAuth: true, Out: &out})
	if err == nil && out.AccessToken == "" {
		err = &vendors.Error{Vendor: vendor, Op: "log in", Message: "the response has no access token"}
	}
	return out, err
}

// RevokeTokensByGETWithSideEffect is GET api/revoke-tokens/{user_id} (LEAD LMS API), a GET with
// an effect: every token of the user ends, in all processes. For the service account, every
// process is logged out. The adapter never makes this call, and the client never repeats it.
// Returns LEAD's message. The heading in the document lacks the slash before {user_id}; the
// newer text has it.
func (a *API) RevokeTokensByGETWithSideEffect(ctx context.Context, user int) (string, error) {
	var out struct {
		Message string `json:"message"` // Tokens revoked
	}
	path := "/revoke-tokens/" + strconv.Itoa(user)
	err := a.calls.Do(ctx, vendors.Call{Op: "revoke tokens", Method: http.MethodGet, Path: path, Once: true, Out: &out})
	return out.Message, err
}

func userPath(user int) string { return "/users/" + strconv.Itoa(user) }
