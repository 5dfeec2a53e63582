package scim

import "github.com/usherhq/usher/vendors"

// newAuth returns the credentials of c.
func newAuth(c Config) vendors.Auth {
	if !c.oauth() {
		return vendors.StaticAuth{"Authorization": "Bearer " + c.Token}
	}
	return vendors.ClientCredentials{
		Vendor: vendor, TokenURL: c.TokenURL, ID: c.ClientID, Secret: c.ClientSecret, Scopes: c.Scopes,
		InBody: c.ClientAuth == ClientAuthBody, UserAgent: c.UserAgent,
	}.Auth(c.Options())
}
