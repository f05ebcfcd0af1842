// Package cloud is AWS as the rest of the program sees it: sessions and
// identities, one request budget per account and region, and errors classified
// once.
package cloud

import infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"

// Scope is one AWS account in one region: the unit that AWS throttles, and so
// the unit of everything this program shares between objects (request budget,
// mirror, sweeps).
type Scope struct {
	// Account is the twelve digit account id.
	Account string
	// Region is the region's code, for example us-east-1; "" for what an account has in
	// no region, but once.
	Region string
}

// Global is the account of the scope, with what is in none of its regions.
func (s Scope) Global() Scope { return Scope{Account: s.Account} }

// Site is where an object's AWS is, and as whom it is reached.
type Site struct {
	// Identity is the identity that spec.identityRef names; nil for the process's own.
	Identity *infrav1.AWSIdentityReference
	// Namespace is the object's, which the identity has to allow.
	Namespace string
	Region    string
	// Account is where the object's resources are, as its status records it; "" while
	// nothing was made. A session of another account is none of the object's.
	Account string
}

// Placed is an object that says itself where its AWS is.
type Placed interface {
	GetNamespace() string
	// Place is what spec and status have of it.
	Place() (identity *infrav1.AWSIdentityReference, region, account string)
}

// SiteOf returns where the AWS of a kind of cluster is, and of all that belongs to it.
func SiteOf[T Placed](obj T) Site {
	identity, region, account := obj.Place()
	return Site{Identity: identity, Namespace: obj.GetNamespace(), Region: region, Account: account}
}

// String gives "account/region", the form used in logs and metrics, and "account" where
// there is no region.
func (s Scope) String() string {
	if s.Region == "" {
		return s.Account
	}
	return s.Account + "/" + s.Region
}
