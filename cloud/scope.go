// Package cloud is AWS as the rest of the program sees it: sessions and
// identities, one request budget per account and region, and errors classified
// once.
package cloud

// Scope is one AWS account in one region: the unit that AWS throttles, and so
// the unit of everything this program shares between objects (request budget,
// mirror, sweeps).
type Scope struct {
	// Account is the twelve digit account id.
	Account string
	// Region is the region's code, for example us-east-1.
	Region string
}

// String gives "account/region", the form used in logs and metrics.
func (s Scope) String() string { return s.Account + "/" + s.Region }
