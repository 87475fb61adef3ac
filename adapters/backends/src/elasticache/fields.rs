//! The fields of ElastiCache's answers that become labels, with the ends of Prometheus's names for them.

use crate::aws_api::{Table, To};

/// Of a cache cluster; the names begin with `__meta_elasticache_cache_cluster_`.
pub(super) const CACHE: Table = &[
    ("ARN", "arn", To::Text),
    ("AtRestEncryptionEnabled", "at_rest_encryption_enabled", To::Flag),
    ("AuthTokenEnabled", "auth_token_enabled", To::Flag),
    ("AuthTokenLastModifiedDate", "auth_token_last_modified", To::Time),
    ("AutoMinorVersionUpgrade", "auto_minor_version_upgrade", To::Flag),
    ("CacheClusterCreateTime", "cache_cluster_create_time", To::Time),
    ("CacheClusterId", "cache_cluster_id", To::Text),
    ("CacheClusterStatus", "cache_cluster_status", To::Text),
    ("CacheNodeType", "cache_node_type", To::Text),
    (
        "CacheParameterGroup/CacheParameterGroupName",
        "cache_parameter_group",
        To::Text,
    ),
    ("CacheSubnetGroupName", "cache_subnet_group_name", To::Text),
    ("ClientDownloadLandingPage", "client_download_landing_page", To::Text),
    (
        "ConfigurationEndpoint/Address",
        "configuration_endpoint_address",
        To::Text,
    ),
    ("ConfigurationEndpoint/Port", "configuration_endpoint_port", To::Number),
    ("Engine", "engine", To::Text),
    ("EngineVersion", "engine_version", To::Text),
    ("IpDiscovery", "ip_discovery", To::Text),
    ("NetworkType", "network_type", To::Text),
    ("NotificationConfiguration/TopicArn", "notification_topic_arn", To::Text),
    (
        "NotificationConfiguration/TopicStatus",
        "notification_topic_status",
        To::Text,
    ),
    ("NumCacheNodes", "num_cache_nodes", To::Number),
    (
        "PendingModifiedValues/AuthTokenStatus",
        "pending_modified_values_auth_token_status",
        To::Text,
    ),
    (
        "PendingModifiedValues/CacheNodeType",
        "pending_modified_values_cache_node_type",
        To::Text,
    ),
    (
        "PendingModifiedValues/EngineVersion",
        "pending_modified_values_engine_version",
        To::Text,
    ),
    (
        "PendingModifiedValues/NumCacheNodes",
        "pending_modified_values_num_cache_nodes",
        To::Number,
    ),
    (
        "PendingModifiedValues/TransitEncryptionEnabled",
        "pending_modified_values_transit_encryption_enabled",
        To::Flag,
    ),
    (
        "PendingModifiedValues/TransitEncryptionMode",
        "pending_modified_values_transit_encryption_mode",
        To::Text,
    ),
    ("PreferredAvailabilityZone", "preferred_availability_zone", To::Text),
    ("PreferredMaintenanceWindow", "preferred_maintenance_window", To::Text),
    ("PreferredOutpostArn", "preferred_outpost_arn", To::Text),
    ("ReplicationGroupId", "replication_group_id", To::Text),
    (
        "ReplicationGroupLogDeliveryEnabled",
        "replication_group_log_delivery_enabled",
        To::Flag,
    ),
    ("SnapshotRetentionLimit", "snapshot_retention_limit", To::Number),
    ("SnapshotWindow", "snapshot_window", To::Text),
    ("TransitEncryptionEnabled", "transit_encryption_enabled", To::Flag),
    ("TransitEncryptionMode", "transit_encryption_mode", To::Text),
];

/// Of a node; the names begin with `__meta_elasticache_cache_cluster_node_`.
pub(super) const NODE: Table = &[
    ("CustomerAvailabilityZone", "availability_zone", To::Text),
    ("CacheNodeCreateTime", "create_time", To::Time),
    ("CustomerOutpostArn", "customer_outpost_arn", To::Text),
    ("Endpoint/Address", "endpoint_address", To::Text),
    ("Endpoint/Port", "endpoint_port", To::Number),
    ("CacheNodeId", "id", To::Text),
    ("ParameterGroupStatus", "parameter_group_status", To::Text),
    ("SourceCacheNodeId", "source_cache_node_id", To::Text),
    ("CacheNodeStatus", "status", To::Text),
];

/// Of a serverless cache; the names begin with `__meta_elasticache_serverless_cache_`.
pub(super) const SERVERLESS: Table = &[
    ("ARN", "arn", To::Text),
    (
        "CacheUsageLimits/DataStorage/Maximum",
        "cache_usage_limit_data_storagemaximum",
        To::Number,
    ),
    (
        "CacheUsageLimits/DataStorage/Minimum",
        "cache_usage_limit_data_storageminimum",
        To::Number,
    ),
    (
        "CacheUsageLimits/DataStorage/Unit",
        "cache_usage_limit_data_storageunit",
        To::Text,
    ),
    (
        "CacheUsageLimits/ECPUPerSecond/Maximum",
        "cache_usage_limit_ecpu_per_secondmaximum",
        To::Number,
    ),
    (
        "CacheUsageLimits/ECPUPerSecond/Minimum",
        "cache_usage_limit_ecpu_per_secondminimum",
        To::Number,
    ),
    ("CreateTime", "create_time", To::Time),
    ("DailySnapshotTime", "daily_snapshot_time", To::Text),
    ("Description", "description", To::Text),
    ("Endpoint/Address", "endpoint_address", To::Text),
    ("Endpoint/Port", "endpoint_port", To::Number),
    ("ReaderEndpoint/Address", "endpoint_reader_address", To::Text),
    ("ReaderEndpoint/Port", "endpoint_reader_port", To::Number),
    ("Engine", "engine", To::Text),
    ("FullEngineVersion", "full_engine_version", To::Text),
    ("KmsKeyId", "kms_key_id", To::Text),
    ("MajorEngineVersion", "major_engine_version", To::Text),
    ("ServerlessCacheName", "name", To::Text),
    ("SnapshotRetentionLimit", "snapshot_retention_limit", To::Number),
    ("Status", "status", To::Text),
    ("UserGroupId", "user_group_id", To::Text),
    // Prometheus's documentation calls these otherwise than Prometheus does, so they have both names.
    (
        "CacheUsageLimits/DataStorage/Maximum",
        "cache_usage_limit_data_storage_maximum",
        To::Number,
    ),
    (
        "CacheUsageLimits/DataStorage/Minimum",
        "cache_usage_limit_data_storage_minimum",
        To::Number,
    ),
    (
        "CacheUsageLimits/DataStorage/Unit",
        "cache_usage_limit_data_storage_unit",
        To::Text,
    ),
    (
        "CacheUsageLimits/ECPUPerSecond/Maximum",
        "cache_usage_limit_ecpu_per_second_maximum",
        To::Number,
    ),
    (
        "CacheUsageLimits/ECPUPerSecond/Minimum",
        "cache_usage_limit_ecpu_per_second_minimum",
        To::Number,
    ),
    ("ReaderEndpoint/Address", "reader_endpoint_address", To::Text),
    ("ReaderEndpoint/Port", "reader_endpoint_port", To::Number),
];
