// Package lead speaks to the LEAD LMS of Fivable, by the page "LEAD LMS API" of
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

// Config is what a client of LEAD is made from. BaseURL, Email and Password are required.
type Config struct {
	vendors.Settings `yaml:",inline"` // the base URL is the tenant's host with /api; LEAD documents none
	Email            string           `yaml:"email" env:"EMAIL"`       // of the service account: an administrator, since LEAD has no API keys
	Password         vendors.Secret   `yaml:"password" env:"PASSWORD"` // of the service account
	// EnrollPath is where an enrolment is posted, below the base URL, with
	// {course} and {user} for the ids, such as courses/{course}/users/{user}.
	// LEAD documents no such call; where it is empty, enrolments are refused.
	EnrollPath string `yaml:"enroll_path" env:"ENROLL_PATH"`
	// UnenrollPath is the same for the end of an enrolment. It may begin with a
	// method other than POST, such as DELETE courses/{course}/users/{user}, which
	// is then sent without a body.
	UnenrollPath string `yaml:"unenroll_path" env:"UNENROLL_PATH"`
	// Update is what is made of user.updated: UpdateRefuse, which it is where it is
	// empty, or UpdateResetPassword.
	Update string `yaml:"update" env:"UPDATE"`
}

// What Config.Update knows. LEAD takes no update without a password, and tells
// nobody the one that there is: every update sets another.
const (
	UpdateRefuse        = "refuse"         // an update is a dead letter
	UpdateResetPassword = "reset_password" // an update is made with a random password, which the user must then reset
)

// Defaults returns a Config without credentials. LEAD states no limit on calls;
// it is made with Laravel, whose own default is 60 a minute.
func Defaults() Config {
	return Config{Settings: vendors.DefaultSettings("", 1), Update: UpdateRefuse}
}

// Needs says what turns LEAD on.
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

// API makes the documented calls of LEAD, one method each. It is safe for use
// by many goroutines.
type API struct {
	calls *vendors.Client
	login *vendors.Client // without credentials, and with a time limit that fits within that of the call that needs the log-in
}

// tokenUse is how long a token is used before it is renewed. LEAD's tokens live
// 48 h, which only the newest version of its page says; they tell no expiry themselves.
const tokenUse = 40 * time.Hour

// NewAPI returns a client for the calls alone, which logs in when the first
// call needs it.
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

// Token is the answer of a log-in. AccessToken is opaque ("4|xnx8…"), though
// the page calls it a JWT.
type Token struct {
	AccessToken vendors.Secret `json:"access_token"`
	TokenType   string         `json:"token_type"` // Bearer
}

// LogIn is POST api/login with the form fields email and password (LEAD LMS
// API, newest version). A wrong password is 401 {"message":"Invalid login details"}.
// It may be repeated: that makes nothing but another token.
func (a *API) LogIn(ctx context.Context, email string, password vendors.Secret) (Token, error) {
	var out Token
	form := url.Values{"email": {email}, "password": {password.Reveal()}}
	err := a.login.Do(ctx, vendors.Call{Op: "log in", Method: http.MethodPost, Path: "/login", Form: form, Repeatable: true, NoAuth: true, Out: &out})
	if err == nil && out.AccessToken == "" {
		err = &vendors.Error{Vendor: vendor, Op: "log in", Message: "the answer has no access token"}
	}
	return out, err
}

// RevokeTokensByGETWithSideEffect is GET api/revoke-tokens/{user_id}: a GET that
// changes something. It ends every token of the user, on all machines, so that
// calling it with the service account logs out every process. The adapter never
// calls it, and nothing repeats it. The heading in the document lacks the slash
// before {user_id}; its newer text has it.
func (a *API) RevokeTokensByGETWithSideEffect(ctx context.Context, user int) (message string, err error) {
	var out struct {
		Message string `json:"message"` // Tokens revoked
	}
	path := "/revoke-tokens/" + strconv.Itoa(user)
	err = a.calls.Do(ctx, vendors.Call{Op: "revoke tokens", Method: http.MethodGet, Path: path, Once: true, Out: &out})
	return out.Message, err
}

func userPath(user int) string { return "/users/" + strconv.Itoa(user) }
