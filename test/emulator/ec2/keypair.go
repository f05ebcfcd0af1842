package ec2

import (
	"slices"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// allKeyPairs is the table of key pairs with those of the configuration.
func (n *Network) allKeyPairs(r *core.Request) *core.Table[types.KeyPairInfo] {
	for _, name := range r.Config.KeyPairs {
		if !n.keyPairs.Any(func(k *types.KeyPairInfo) bool { return *k.KeyName == name }) {
			n.addKeyPair(r, name, types.KeyTypeRsa, time.Time{})
		}
	}
	return &n.keyPairs
}

func (n *Network) addKeyPair(r *core.Request, name string, kind types.KeyType, at time.Time) *types.KeyPairInfo {
	made := &types.KeyPairInfo{KeyName: ptr(name), KeyPairId: ptr(r.NewID("key")), KeyType: kind, CreateTime: ptr(r.Now()),
		KeyFingerprint: ptr("1f:51:ae:28:bf:89:e9:d8:1f:25:5d:37:2d:7d:b8:ca:9f:f5:f1:6f")}
	n.keyPairs.Put(*made.KeyPairId, made, at)
	return made
}

func (n *Network) hasKeyPair(r *core.Request, name string) bool {
	return n.allKeyPairs(r).Any(func(k *types.KeyPairInfo) bool { return *k.KeyName == name })
}

var keyPairFilters = filters[types.KeyPairInfo]{
	"key-name":    func(k *types.KeyPairInfo) []string { return one(k.KeyName) },
	"key-pair-id": func(k *types.KeyPairInfo) []string { return one(k.KeyPairId) },
	"fingerprint": func(k *types.KeyPairInfo) []string { return one(k.KeyFingerprint) },
}

// describeKeyPairs has no pages.
func describeKeyPairs(r *core.Request, in *sdk.DescribeKeyPairsInput) (*sdk.DescribeKeyPairsOutput, error) {
	n := Of(r.Region)
	table := n.allKeyPairs(r)
	for _, name := range in.KeyNames {
		if !n.hasKeyPair(r, name) {
			return nil, noKeyPair(name)
		}
	}
	rows, err := selected(r, table, in.KeyPairIds, noKeyPair)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeKeyPairsOutput{KeyPairs: []types.KeyPairInfo{}}
	for _, row := range rows {
		ok, err := matches(n.tags[row.ID], row.Value, in.Filters, keyPairFilters)
		if err != nil {
			return nil, err
		}
		if ok && (len(in.KeyNames) == 0 || slices.Contains(in.KeyNames, *row.Value.KeyName)) {
			shown := *row.Value
			shown.Tags = n.tags[row.ID]
			out.KeyPairs = append(out.KeyPairs, shown)
		}
	}
	return out, nil
}

func importKeyPair(r *core.Request, in *sdk.ImportKeyPairInput) (*sdk.ImportKeyPairOutput, error) {
	n := Of(r.Region)
	tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeKeyPair)
	if err != nil {
		return nil, err
	}
	switch {
	case val(in.KeyName) == "":
		return nil, core.Missing("KeyName")
	case len(in.PublicKeyMaterial) == 0:
		return nil, core.Missing("PublicKeyMaterial")
	case n.hasKeyPair(r, *in.KeyName):
		return nil, core.Refuse("InvalidKeyPair.Duplicate", "The keypair already exists")
	}
	made := n.addKeyPair(r, *in.KeyName, types.KeyTypeRsa, r.Now())
	n.setTags(*made.KeyPairId, tags)
	r.Touch(*made.KeyPairId)
	return &sdk.ImportKeyPairOutput{KeyName: made.KeyName, KeyPairId: made.KeyPairId, KeyFingerprint: made.KeyFingerprint, Tags: n.tags[*made.KeyPairId]}, nil
}

// deleteKeyPair succeeds for one that isn't there.
func deleteKeyPair(r *core.Request, in *sdk.DeleteKeyPairInput) (*sdk.DeleteKeyPairOutput, error) {
	n := Of(r.Region)
	for _, row := range n.allKeyPairs(r).Rows() {
		if row.ID == val(in.KeyPairId) || *row.Value.KeyName == val(in.KeyName) {
			n.keyPairs.Delete(row.ID)
			delete(n.tags, row.ID)
			return &sdk.DeleteKeyPairOutput{Return: ptr(true), KeyPairId: ptr(row.ID)}, nil
		}
	}
	return &sdk.DeleteKeyPairOutput{Return: ptr(true)}, nil
}
