// Package httpapi is a client of any API over HTTP with a description in a file (kind: http). The file
// states facts of the API: calls, answers, pages, proofs. The rules of "once" are in the code of
// this package: a file can be wrong about an API, and cannot leave out a rule. See
// docs/http-vendors.md.
package httpapi

// File is the description of an API. The tags about describe each key in the JSON Schema. Keys of
// the types Expr and Value hold CEL; all others hold plain text and numbers.
type File struct {
	Kind     string             `yaml:"kind" about:"always http"`
	Name     string             `yaml:"name" about:"name of the vendor in errors: lower-case letters and digits"`
	Docs     string             `yaml:"docs" about:"address of the documents with these facts, for people"`
	BaseURL  string             `yaml:"base_url" about:"default of the setting base_url: the URL before all paths; without a default the setting is required"`
	Rate     float64            `yaml:"rate" about:"default of the setting rate: calls per second; 5 unless set"`
	CourseID string             `yaml:"course_id" about:"form of the vendor's course ids: text (default) or number"`
	Settings map[string]Setting `yaml:"settings" about:"settings of a team, beside base_url, rate and the other settings of every vendor"`
	Auth     *Auth              `yaml:"auth" about:"credentials of every call; without auth there are none"`
	Each     *Each              `yaml:"each" about:"parts of every call"`
	Media    string             `yaml:"media" about:"media type of JSON in requests, and the header Accept; application/json unless set"`
	Answers  []Rule             `yaml:"answers" about:"rules for the answers to all calls, behind the rules of the call: the first that fits counts, else the common table of statuses"`
	Account  *Account           `yaml:"account" about:"how an account of the API is read"`
	Find     []Find             `yaml:"find" about:"look-ups of one user, in order, until one finds the account"`
	Create   *Create            `yaml:"create" about:"creates an account"`
	Update   Changes            `yaml:"update" about:"changes the data of an account"`
	Delete   Changes            `yaml:"delete" about:"deletes an account"`
	Disable  Changes            `yaml:"disable" about:"takes the access of an account away, and keeps the account"`
	Enable   Changes            `yaml:"enable" about:"undoes disable"`
	Restore  Changes            `yaml:"restore" about:"restores a deleted account"`
	Enroll   Changes            `yaml:"enroll" about:"enrols an account in a course"`
	Unenroll Changes            `yaml:"unenroll" about:"ends an enrolment"`
	Enrolled *Enrolled          `yaml:"enrolled" about:"reads whether an account is in a course"`
	Track    *Change            `yaml:"track" about:"records an activity"`
	List     *List              `yaml:"list" about:"lists all accounts"`
	Show     *Show              `yaml:"show" about:"reads one account by its id"`
	Courses  *Courses           `yaml:"courses" about:"lists all courses"`
	Check    *Request           `yaml:"check" about:"cheapest call that proves the credentials valid"`
}

// Setting is a setting of a team, such as a key. Expressions have set.<name>.
type Setting struct {
	About    string   `yaml:"about" about:"meaning of the setting, for people"`
	Secret   bool     `yaml:"secret" about:"true: never shown, and may come from a file"`
	InPath   bool     `yaml:"in_path" about:"true: a secret that the API wants in the path or the query"`
	Optional bool     `yaml:"optional" about:"true: may be missing, and is then the empty text"`
	Default  *Literal `yaml:"default" about:"value unless set; true and false make a switch, a number makes a number"`
	OneOf    []string `yaml:"oneof" about:"the only accepted texts"`
}

// Auth is the kind of credentials: one of the keys.
type Auth struct {
	Headers map[string]Expr `yaml:"headers" about:"headers with constant credentials: name to value"`
	Basic   *Basic          `yaml:"basic" about:"HTTP basic authentication"`
	Login   *Login          `yaml:"login" about:"a call that issues a token for a limited time"`
	OAuth2  *OAuth2         `yaml:"oauth2" about:"OAuth 2 with the grant client_credentials"`
}

// Basic is HTTP basic authentication.
type Basic struct {
	User     Expr `yaml:"user"`
	Password Expr `yaml:"password"`
}

// Login is a call for a token.
type Login struct {
	Request   `yaml:",inline"`
	Token     Expr     `yaml:"token" about:"the token in the answer"`
	For       Duration `yaml:"for" about:"time of use of a token, such as 40h; less than the lifetime"`
	ExpiresIn Expr     `yaml:"expires_in" about:"lifetime in the answer, in seconds, instead of for"`
	Header    string   `yaml:"header" about:"header with the token; Authorization unless set"`
	Prefix    *string  `yaml:"prefix" about:"text before the token; \"Bearer \" unless set"`
	Renew     *Request `yaml:"renew" about:"a call that exchanges the old token, the variable token; a refusal leads to a new log-in"`
}

// OAuth2 is the grant client_credentials.
type OAuth2 struct {
	TokenURL     Expr   `yaml:"token_url"`
	ClientID     Expr   `yaml:"client_id"`
	ClientSecret Expr   `yaml:"client_secret"`
	Scopes       Expr   `yaml:"scopes" about:"separated by blanks"`
	ClientAuth   string `yaml:"client_auth" about:"basic (default): the client in the header; body: in the form"`
}

// Each has parts of every call, the log-in apart.
type Each struct {
	Header map[string]Expr  `yaml:"header"`
	Query  map[string]Value `yaml:"query"`
	Form   map[string]Value `yaml:"form" about:"added to the form of every call with a form"`
}

// Rule gives a meaning to an answer.
type Rule struct {
	If Expr   `yaml:"if" about:"true if the rule fits; a rule that cannot be evaluated does not fit"`
	Is string `yaml:"is" about:"done, already, taken, gone, nobody, again, permanent or unusable"`
}

// Request is one call: one of the methods with a path, and the data to send.
type Request struct {
	GET     Path             `yaml:"GET" about:"path below base_url; {…} holds an expression, and its value is escaped"`
	POST    Path             `yaml:"POST" about:"see GET"`
	PUT     Path             `yaml:"PUT" about:"see GET"`
	PATCH   Path             `yaml:"PATCH" about:"see GET"`
	DELETE  Path             `yaml:"DELETE" about:"see GET"`
	Query   map[string]Value `yaml:"query" about:"query string; a member without a value is left out"`
	Header  map[string]Expr  `yaml:"header" about:"headers of this call"`
	JSON    *Value           `yaml:"json" about:"body as JSON; a member without a value is left out"`
	Form    map[string]Value `yaml:"form" about:"body as a form; lists and objects become users[0][email]"`
	Answers []Rule           `yaml:"answers" about:"rules for the answers to this call: the first that fits counts"`
	Done    Expr             `yaml:"done" about:"must hold for an answer of success; else the answer cannot be understood. An empty answer is success"`
}

// Account reads an account from item, one element of a list, or the part of an answer.
type Account struct {
	Addressed bool `yaml:"addressed" about:"true: the API knows accounts by our user ids; there is no find, and create may be repeated"`
	ID        Expr `yaml:"id" about:"id of the account at the vendor"`
	Email     Expr `yaml:"email" about:"e-mail of the account"`
	UserID    Expr `yaml:"user_id" about:"our user id, if the API keeps one"`
	Staff     Expr `yaml:"staff" about:"true for an account that is never changed; \"false\" if the API shows no roles"`
	Off       Expr `yaml:"off" about:"true for a disabled account"`
	Deleted   Expr `yaml:"deleted" about:"true for a deleted account that the API still shows"`
}

// Find is one look-up of a user.
type Find struct {
	Request  `yaml:",inline"`
	InList   bool   `yaml:"in_list" about:"true: reads all accounts by list, instead of a call"`
	Item     Expr   `yaml:"item" about:"the account in the answer to a call that shows at most one"`
	Items    Expr   `yaml:"items" about:"the list in the answer to a call that searches; an empty list proves that nobody matches"`
	Total    Expr   `yaml:"total" about:"number of matches by the API"`
	Pages    *Pages `yaml:"pages"`
	Match    string `yaml:"match" about:"email (default): the e-mail of the account must be the e-mail of the user, ignoring case; user_id: account.user_id must be the id of the user"`
	Optional bool   `yaml:"optional" about:"true: a miss or a refusal proves nothing, and the next look-up is made"`
	Control  Expr   `yaml:"control" about:"e-mail of an account that exists: a miss counts only if the same look-up shows that account"`
}

// Create is the call for a new account.
type Create struct {
	Request `yaml:",inline"`
	Item    Expr   `yaml:"item" about:"the new account in the answer; without it the account is looked up"`
	Repeat  string `yaml:"repeat" about:"never (default), safe or keyed"`
	Because string `yaml:"because" about:"the sentence of the documents that allows repeat: safe"`
}

// Change is one call of an operation that changes something. All calls of an operation with a
// condition that holds are made, in order.
type Change struct {
	Request `yaml:",inline"`
	If      Expr   `yaml:"if" about:"makes the call only if true"`
	Read    *Read  `yaml:"read" about:"a call before, whose answer is the variable read; null if the answer is gone"`
	Skip    Expr   `yaml:"skip" about:"true if read shows that nothing is to be done"`
	Repeat  string `yaml:"repeat" about:"never (default), safe, keyed or harmless"`
	Because string `yaml:"because" about:"the sentence of the documents that allows repeat: safe"`
	Proof   *Proof `yaml:"proof" about:"a call behind that proves the change"`
}

// Changes is one call, or a list of calls.
type Changes []Change

// Read is a call before a change.
type Read struct {
	Request `yaml:",inline"`
	InList  bool `yaml:"in_list" about:"true: read is the account in list, instead of the answer to a call"`
}

// Proof is a call that reads whether a change was made.
type Proof struct {
	Request `yaml:",inline"`
	Is      Expr `yaml:"is" about:"true if the answer, of any status, shows the change"`
}

// Enrolled reads whether an account is in a course.
type Enrolled struct {
	Request `yaml:",inline"`
	Items   Expr   `yaml:"items" about:"list in the answer; without it the whole answer is judged"`
	Total   Expr   `yaml:"total"`
	Pages   *Pages `yaml:"pages"`
	Is      Expr   `yaml:"is" about:"true if item, or the answer without items, shows the enrolment"`
}

// List lists accounts.
type List struct {
	Request `yaml:",inline"`
	Items   Expr   `yaml:"items" about:"list in the answer"`
	Total   Expr   `yaml:"total" about:"number of all accounts by the API: a shorter list proves nothing"`
	Pages   *Pages `yaml:"pages"`
}

// Show reads one account.
type Show struct {
	Request `yaml:",inline"`
	Item    Expr `yaml:"item" about:"the account in the answer; the whole body unless set"`
	InList  bool `yaml:"in_list" about:"true: searches the account in list, instead of a call"`
}

// Courses lists courses.
type Courses struct {
	Request `yaml:",inline"`
	Items   Expr   `yaml:"items" about:"list in the answer"`
	Total   Expr   `yaml:"total"`
	Pages   *Pages `yaml:"pages"`
	ID      Expr   `yaml:"id" about:"id of a course, from item"`
	Name    Expr   `yaml:"name" about:"name of a course, from item"`
}

// Pages is how a list continues.
type Pages struct {
	By        string `yaml:"by" about:"page, offset, index (an offset from 1), cursor, link (the header Link) or path ({page} in the path)"`
	Param     string `yaml:"param" about:"query parameter of the page; page, offset, startIndex or cursor unless set"`
	First     *int   `yaml:"first" about:"number of the first page; 1 unless set"`
	Size      int    `yaml:"size" about:"items per page"`
	SizeParam string `yaml:"size_param" about:"query parameter of the size; without it the size is not sent"`
	Last      Expr   `yaml:"last" about:"number of the last page in the answer"`
	Next      Expr   `yaml:"next" about:"cursor of the next page in the answer; null or an empty text ends the list"`
	Until     string `yaml:"until" about:"empty (default): an empty page ends the list; short: a page with fewer items than size ends it too"`
}
