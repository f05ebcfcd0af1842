package core

import (
	"maps"
	"slices"
	"time"
)

// DefaultAccount owns every access key that the configuration doesn't give to another account.
const DefaultAccount = "123456789012"

// Config is what may be changed while the emulator runs, through Emulator.Configure or PUT /_emulator/config.
type Config struct {
	// HideNewFor is how long a new resource stays out of describes, and its id unknown to reads.
	HideNewFor time.Duration `json:"hideNewFor"`
	// HideNewFromWrites makes mutations that name a hidden id fail with its NotFound code too.
	HideNewFromWrites bool `json:"hideNewFromWrites"`

	// NATGatewayDelay is how long a NAT gateway is pending.
	NATGatewayDelay time.Duration `json:"natGatewayDelay"`
	// LoadBalancerDelay is how long a v2 load balancer is provisioning.
	LoadBalancerDelay time.Duration `json:"loadBalancerDelay"`
	// DeletionDelay is how long NAT gateways, endpoints and carrier gateways are deleting, and how long the network interfaces of a
	// deleted load balancer stay.
	DeletionDelay time.Duration `json:"deletionDelay"`
	// DeletedListedFor is how long a deleted NAT gateway is still described as deleted (AWS: about an hour).
	DeletedListedFor time.Duration `json:"deletedListedFor"`
	// TargetHealthDelay is how long a registered target is "initial" before it is healthy.
	TargetHealthDelay time.Duration `json:"targetHealthDelay"`

	// InstanceDelay is how long an instance is pending, and how long it is stopping; TerminationDelay how long it is shutting down.
	InstanceDelay    time.Duration `json:"instanceDelay"`
	TerminationDelay time.Duration `json:"terminationDelay"`
	// TerminatedListedFor is how long a terminated instance is still described (AWS: about an hour).
	TerminatedListedFor time.Duration `json:"terminatedListedFor"`
	// AutoScalingDelay is the time between the steps of an Auto Scaling group.
	AutoScalingDelay time.Duration `json:"autoScalingDelay"`
	// ClusterDelay is how long an EKS cluster is creating and deleting (AWS: about ten minutes), ClusterUpdateDelay how long one is updating (AWS:
	// one to ten), and ClusterUpdateLag after what time an update that was taken shows in the cluster's status.
	ClusterDelay       time.Duration `json:"clusterDelay"`
	ClusterUpdateDelay time.Duration `json:"clusterUpdateDelay"`
	ClusterUpdateLag   time.Duration `json:"clusterUpdateLag"`
	// AddonDelay is how long an add-on is creating, updating and deleting (AWS: 10 to 60 seconds), and insights are refreshed; FargateDelay how long
	// a Fargate profile is creating and deleting (AWS: one to three minutes); IdentityProviderDelay how long an identity provider is (AWS: 10 to 20).
	// NodegroupDelay is how long a node group is creating, updating and deleting at least, and how often EKS looks whether its nodes have come.
	AddonDelay     time.Duration `json:"addonDelay"`
	NodegroupDelay time.Duration `json:"nodegroupDelay"`
	// EvictionDelay is how long pods may stay on a node that is to be replaced (AWS: 15 minutes) before the update fails, or they are deleted.
	EvictionDelay         time.Duration `json:"evictionDelay"`
	FargateDelay          time.Duration `json:"fargateDelay"`
	IdentityProviderDelay time.Duration `json:"identityProviderDelay"`
	// StackDelay is how long each step of a CloudFormation stack takes (AWS: 10 to 20 seconds for a role).
	StackDelay time.Duration `json:"stackDelay"`
	// IAMPropagation is after what time other services know of a new or changed role (AWS: some seconds).
	IAMPropagation time.Duration `json:"iamPropagation"`
	// NoCapacity are patterns "type/zone", for example "m5.large/us-east-1a" or "*/us-east-1b", of which AWS has no instances left;
	// NotOffered are those that it doesn't have at all.
	NoCapacity []string `json:"noCapacity"`
	NotOffered []string `json:"notOffered"`
	// KeyPairs are names of key pairs that exist in every account and region.
	KeyPairs []string `json:"keyPairs"`
	// InstanceProfiles are the names of IAM instance profiles that exist in every account before anybody makes one.
	InstanceProfiles []string `json:"instanceProfiles"`

	// MaxPageSize caps the entries of one answer, even where none was asked for; 0 leaves AWS's own maximum.
	MaxPageSize int `json:"maxPageSize"`

	// RateLimits turns the token buckets on; RateFactor multiplies size and refill (0 means 1).
	RateLimits bool    `json:"rateLimits"`
	RateFactor float64 `json:"rateFactor"`
	// Buckets replaces the bucket of single actions, keyed "service.Operation". They act only while RateLimits is set.
	Buckets map[string]Bucket `json:"buckets"`

	// Outage makes all of AWS fail: "" (off), "refuse" (connections are closed unanswered) or "503".
	Outage string `json:"outage"`

	// AccessKeys gives access keys to accounts; unknown ones belong to DefaultAccount.
	AccessKeys map[string]string `json:"accessKeys"`
	// RoleKeys are access keys that are sessions of a role of their account without anybody having assumed it: key → name of the role. They don't expire.
	RoleKeys map[string]string `json:"roleKeys"`
	// SecretKeys are the secrets of access keys, which their tokens must be signed with. Keys that aren't listed sign as they like.
	SecretKeys map[string]string `json:"secretKeys"`
	// BadKeys are access keys that AWS refuses: key → "invalid" or "expired".
	BadKeys map[string]string `json:"badKeys"`
	// Roles restricts who may assume a role, by role ARN. A role that isn't listed may be assumed by anyone.
	Roles map[string]Role `json:"roles"`

	// Permissions has the policies of a role decide what its sessions may do, and its trust policy who may assume it.
	Permissions bool `json:"permissions"`

	// Quotas replaces limits by their name in the README, for example "vpcs" or "rulesPerSecurityGroup".
	Quotas map[string]int `json:"quotas"`

	// DNSAddress, when set, is the IPv4 address that the DNS server gives for every load balancer, in place of the load balancer's own.
	DNSAddress string `json:"dnsAddress"`
	// LogLimit is how many requests the log keeps.
	LogLimit int `json:"logLimit"`
}

// BootstrapProfiles are the instance profiles that "clusterawsadm bootstrap iam create-cloudformation-stack" makes in an account.
func BootstrapProfiles() []string {
	return []string{
		"control-plane.cluster-api-provider-aws.sigs.k8s.io",
		"controllers.cluster-api-provider-aws.sigs.k8s.io",
		"nodes.cluster-api-provider-aws.sigs.k8s.io",
	}
}

// Role says who may assume it.
type Role struct {
	// TrustedAccounts may assume the role; empty means all.
	TrustedAccounts []string `json:"trustedAccounts,omitempty"`
	// ExternalID must be given if set.
	ExternalID string `json:"externalId,omitempty"`
}

// DefaultConfig is a prompt AWS without limits: short transitions, no throttling, nothing hidden.
func DefaultConfig() Config {
	return Config{
		NATGatewayDelay:   3 * time.Second,
		LoadBalancerDelay: 2 * time.Second,
		DeletionDelay:     2 * time.Second,
		DeletedListedFor:  time.Hour,
		TargetHealthDelay: 2 * time.Second,

		InstanceDelay:         2 * time.Second,
		TerminationDelay:      2 * time.Second,
		TerminatedListedFor:   time.Hour,
		AutoScalingDelay:      time.Second,
		ClusterDelay:          3 * time.Second,
		ClusterUpdateDelay:    2 * time.Second,
		ClusterUpdateLag:      time.Second,
		AddonDelay:            time.Second,
		NodegroupDelay:        3 * time.Second,
		EvictionDelay:         time.Minute,
		FargateDelay:          2 * time.Second,
		IdentityProviderDelay: 3 * time.Second,
		StackDelay:            200 * time.Millisecond,
		KeyPairs:              []string{"default"},
		InstanceProfiles:      BootstrapProfiles(),

		RateFactor: 1,
		LogLimit:   100_000,
	}
}

type plainConfig Config

// MarshalJSON writes durations as strings.
func (c Config) MarshalJSON() ([]byte, error) { return marshalFields(plainConfig(c)) }

// UnmarshalJSON merges: fields not given keep their value.
func (c *Config) UnmarshalJSON(text []byte) error { return unmarshalFields(text, (*plainConfig)(c)) }

// Quota is the limit of the given name.
func (c *Config) Quota(name string, otherwise int) int {
	if limit, ok := c.Quotas[name]; ok {
		return limit
	}
	return otherwise
}

// clone copies the maps too, so that a copy and its original don't change each other, and makes those that aren't there.
func (c Config) clone() Config {
	c.Buckets, c.AccessKeys, c.BadKeys = copied(c.Buckets), copied(c.AccessKeys), copied(c.BadKeys)
	c.Roles, c.Quotas, c.SecretKeys, c.RoleKeys = copied(c.Roles), copied(c.Quotas), copied(c.SecretKeys), copied(c.RoleKeys)
	c.NoCapacity, c.NotOffered = slices.Clone(c.NoCapacity), slices.Clone(c.NotOffered)
	c.KeyPairs, c.InstanceProfiles = slices.Clone(c.KeyPairs), slices.Clone(c.InstanceProfiles)
	return c
}

func copied[V any](from map[string]V) map[string]V {
	out := make(map[string]V, len(from))
	maps.Copy(out, from)
	return out
}
