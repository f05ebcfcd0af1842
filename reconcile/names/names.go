package names

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// maxLoadBalancerName is how long AWS lets a load balancer's or target group's
// name be.
const maxLoadBalancerName = 32

// SecurityGroup returns the name of the cluster's security group of a role. AWS
// refuses names that begin with "sg-".
func SecurityGroup(cluster, role string) string {
	if strings.HasPrefix(cluster, "sg-") {
		cluster = "@" + cluster
	}
	return cluster + "-" + role
}

// LoadBalancer returns the name of an API load balancer for a base, which is
// the cluster's name for a classic one and NAMESPACE-NAME for the others. A name
// that would be too long is replaced by a hash of the base.
func LoadBalancer(base string) string {
	name := strings.ReplaceAll(base, ".", "-") + "-" + RoleAPIServer
	if len(name) <= maxLoadBalancerName {
		return name
	}
	return infrav1.NameHash(base, maxLoadBalancerName-len("-k8s")) + "-k8s"
}

// TargetGroup returns the name of the target group behind a listener of a load
// balancer. The same owner, load balancer and port always give the same name.
func (o Owner) TargetGroup(prefix, loadBalancer string, port int64) string {
	suffix := Token(o.UID, "target-group", loadBalancer, strconv.FormatInt(port, 10))
	return prefix + suffix[:10]
}

// Subnet returns the name of a subnet of a role (public, private) in a zone.
func Subnet(cluster, role, zone string) string {
	return fmt.Sprintf("%s-subnet-%s-%s", cluster, role, zone)
}

// RouteTable returns the name of a route table of a role (public, private) in a
// zone.
func RouteTable(cluster, role, zone string) string {
	return fmt.Sprintf("%s-rt-%s-%s", cluster, role, zone)
}

// Token returns a client token for the parts: 64 hexadecimal digits, which is
// the longest that AWS takes.
func Token(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}
