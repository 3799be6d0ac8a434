// Written by `make clients` from clients/openapi.json, whose SHA-256 is
// bdfe3d32a7be07e3baf067ce3653f2547138a672922a1fee358ede9f7be2b2be
export interface paths {
    "/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Find the products that look like a photo
         * @description Search with a photo, with a product of the catalogue, or again with an earlier search. Nothing is stored.
         */
        post: operations["search_search_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/classify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Tell what is in a photo
         * @description Return ImageNet's classes of a photo and the shop's own categories. Nothing is stored.
         */
        post: operations["classify_classify_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/products": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List products
         * @description Return products in the order of their ids, page by page; or, with `spread`, some of every category.
         */
        get: operations["list_products_products_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/products/{product_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show a product
         * @description Return a product with its images.
         */
        get: operations["get_product_products__product_id__get"];
        /**
         * Add or change a product
         * @description Make a product what the body states; it is kept when this answers, and searches show it within a second.
         */
        put: operations["put_product_products__product_id__put"];
        post?: never;
        /**
         * Remove a product
         * @description Remove a product with its pictures, whether it is there or not; what the shop stated earlier stays away too.
         */
        delete: operations["delete_product_products__product_id__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/products/{product_id}/similar": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Find the products that look like this one
         * @description Search with a product of the catalogue, by all of its images; the product itself is left out.
         */
        get: operations["similar_products_products__product_id__similar_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/images/{image_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show an image of the catalogue
         * @description Return the picture as it was indexed, or a small JPEG of it.
         */
        get: operations["get_image_images__image_id__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Say what a shopper chose
         * @description Take an event, to be written down within seconds and forgotten after LOOKALIKE_EVENTS_KEPT_DAYS days.
         *
         *     The day is kept, the product, its place in the answer, and what was searched with: a product's id or a photo's
         *     embedding. No address, no user, no photo. The same event again counts once.
         */
        post: operations["add_event_events_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/products:batch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Change many products
         * @description Put and remove up to 1,000 products, one after the other; what is wrong with one of them stops none other.
         */
        post: operations["change_products_products_batch_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/rules": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List rules
         * @description Return all rules, oldest first, also those that act later or no more.
         */
        get: operations["list_rules_rules_get"];
        put?: never;
        /**
         * Make a rule
         * @description Pin, bury or hide products; searches of every server do so within a second.
         */
        post: operations["make_rule_rules_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/rules/{rule_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Remove a rule
         * @description Remove a rule, and return what it was.
         */
        delete: operations["remove_rule_rules__rule_id__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/catalogue": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show what the catalogue holds
         * @description Return counts of products, pictures and categories, and of what the last runs refused, by reason.
         */
        get: operations["show_catalogue_catalogue_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/catalogue/refused": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List rows and pictures that were refused
         * @description Return what the last import refused, and a reindex since, page by page: which, why, and what to do.
         */
        get: operations["list_refused_catalogue_refused_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/snapshots": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List snapshots of the index
         * @description Return the snapshots on the disk, newest first.
         */
        get: operations["list_snapshots_snapshots_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/snapshots/figures": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show how good the snapshots were, over time
         * @description Return what was measured of each snapshot when it was made, oldest first; those that jobs made stay known.
         */
        get: operations["list_figures_snapshots_figures_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/snapshots/rollback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make the snapshot live that was live before
         * @description Go back to the newest intact snapshot that was live before; once more goes further back.
         */
        post: operations["roll_back_snapshots_rollback_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/snapshots/{snapshot_id}/publish": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a snapshot the live one
         * @description Check the files of a snapshot and make it live; servers exchange theirs within a second, between requests.
         */
        post: operations["publish_snapshot_snapshots__snapshot_id__publish_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/reindex": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Have the index built anew
         * @description Queue a reindex, one at a time; the index that is live stays live until the new one is.
         */
        post: operations["reindex_reindex_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List jobs
         * @description Return jobs, newest first, page by page.
         */
        get: operations["list_jobs_jobs_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/jobs/{job_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show a job
         * @description Return how far a job is, or what came of it.
         */
        get: operations["get_job_jobs__job_id__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/jobs/{job_id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel a job
         * @description Cancel a job: at once while it waits, otherwise after the step that its worker is at.
         */
        post: operations["cancel_job_jobs__job_id__cancel_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/jobs/{job_id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Try a job again
         * @description Queue a new job that asks for the same as one that failed or was cancelled.
         */
        post: operations["retry_job_jobs__job_id__retry_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List keys
         * @description Return all keys without their secrets, newest first; not that of LOOKALIKE_ADMIN_KEY.
         */
        get: operations["list_keys_keys_get"];
        put?: never;
        /**
         * Create a key
         * @description Create a key; its text is in this answer and nowhere else. Every server knows it within a second.
         */
        post: operations["create_key_keys_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/keys/{key_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revoke a key
         * @description Make a key useless, for ever; every server knows it within a second.
         */
        delete: operations["revoke_key_keys__key_id__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/livez": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Is the process alive?
         * @description Answer at once, whatever the rest of the service is doing.
         */
        get: operations["livez_livez_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Can searches be answered?
         * @description Check index, decoding and network together; without its database the service is degraded, not out of order.
         *
         *     A probe image takes the way of every photo and must come out as it did when the index was built.
         */
        get: operations["readyz_readyz_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * BatchResults
         * @description What came of each of the changes, in their order.
         */
        BatchResults: {
            /** Results */
            results: (components["schemas"]["ItemChanged"] | components["schemas"]["ItemRefused"])[];
        };
        /**
         * CatalogueSummary
         * @description What the catalogue holds, and what the last runs refused; searches show the same once that is published.
         */
        CatalogueSummary: {
            /**
             * Products
             * @example 3795
             */
            products: number;
            /**
             * Images
             * @example 3795
             */
            images: number;
            /**
             * Categories
             * @example 9
             */
            categories: number;
            /**
             * Refused
             * @description Rows and pictures, of which the first 10,000 of a run are listed.
             * @example 15
             */
            refused: number;
            /**
             * Reasons
             * @description Most frequent first.
             */
            reasons: components["schemas"]["RefusedReason"][];
            /**
             * Runs
             * @description The last import, which looks at everything, and a reindex since.
             */
            runs: components["schemas"]["RunShown"][];
        };
        /**
         * ClassifyResponse
         * @description Answer to a classification.
         */
        ClassifyResponse: {
            /**
             * Request Id
             * @example 0b5fd94d-4cf9-4d6c-9a3e-0b3f31d0a2a7
             */
            request_id: string;
            /**
             * Low Confidence
             * @description True for a photo of (nearly) one colour, of which little can be told.
             */
            low_confidence: boolean;
            /** Classes */
            classes: components["schemas"]["LabelProbability"][];
            /** Categories */
            categories: components["schemas"]["LabelProbability"][];
            timings_ms: components["schemas"]["SearchTimings"];
        };
        /**
         * EventTaken
         * @description What became of an event.
         */
        EventTaken: {
            /**
             * Outcome
             * @description repeated: it was taken before, and counts once.
             * @enum {string}
             */
            outcome: "taken" | "repeated";
        };
        /**
         * Explanation
         * @description What made the query and a result similar.
         */
        Explanation: {
            /** @description The image that was compared, of the product that was searched with; null for a photo. */
            query_image: components["schemas"]["ImageLink"] | null;
            query: components["schemas"]["RegionMap"];
            /** @description Of the result's image. */
            hit: components["schemas"]["RegionMap"];
        };
        /**
         * FacetValue
         * @description A value of a field, and how many of the products that may be found have it.
         */
        FacetValue: {
            /**
             * Value
             * @example shoes
             */
            value: boolean | number | string;
            /**
             * Count
             * @example 412
             */
            count: number;
        };
        /**
         * FiguresList
         * @description The figures of snapshots, oldest first.
         */
        FiguresList: {
            /** Figures */
            figures: components["schemas"]["FiguresShown"][];
        };
        /**
         * FiguresShown
         * @description What was measured of a snapshot when it was made.
         */
        FiguresShown: {
            /**
             * Snapshot
             * @example 000007-1c9f02ab
             */
            snapshot: string;
            /**
             * Network
             * @example vgg16
             */
            network: string;
            /**
             * Measured At
             * Format: date-time
             */
            measured_at: string;
            /** Live */
            live: boolean;
            /**
             * On Disk
             * @description Whether it can be made live; older ones are removed.
             */
            on_disk: boolean;
            /**
             * Metrics
             * @description See docs/evaluation.md.
             * @example {
             *       "category_precision_at_10": 0.866,
             *       "recall_at_10": 1
             *     }
             */
            metrics: {
                [key: string]: number;
            };
        };
        /**
         * ImageLink
         * @description Where an image of the catalogue is served.
         */
        ImageLink: {
            /**
             * Id
             * @example 9f2c51d0a3b84e76
             */
            id: string;
            /**
             * Url
             * @description Add ?size=thumb for a small one.
             * @example /images/9f2c51d0a3b84e76
             */
            url: string;
        };
        /**
         * ItemChanged
         * @description One of many changes.
         */
        ItemChanged: {
            /**
             * Id
             * @example shoes-0042
             */
            id: string;
            /**
             * Outcome
             * @enum {string}
             */
            outcome: "added" | "changed" | "unchanged" | "outdated" | "removed" | "not_found";
        };
        /**
         * ItemProblem
         * @description Why one of many changes was not made; as the problem document that it would get alone.
         */
        ItemProblem: {
            /**
             * Type
             * @example /problems/url-not-allowed
             */
            type: string;
            /**
             * Title
             * @example The address is not allowed
             */
            title: string;
            /**
             * Status
             * @example 422
             */
            status: number;
            /**
             * Detail
             * @example The host 10.0.0.1 is not on the public internet.
             */
            detail: string;
        };
        /**
         * ItemRefused
         * @description One of many changes that was not made.
         */
        ItemRefused: {
            /**
             * Id
             * @description Null where it was none that a product could have.
             */
            id: string | null;
            problem: components["schemas"]["ItemProblem"];
        };
        /**
         * JobError
         * @description Why a job failed.
         */
        JobError: {
            /**
             * Slug
             * @description Stable name of the kind of problem.
             * @example disk-full
             */
            slug: string;
            /**
             * Message
             * @example The disk is full.
             */
            message: string;
        };
        /**
         * JobList
         * @description A page of jobs, newest first.
         */
        JobList: {
            /** Jobs */
            jobs: components["schemas"]["JobShown"][];
            /**
             * Next Cursor
             * @description Give it as cursor for the next page; null on the last one.
             * @example 01a203f1c2d80b7e5d2f9a4c61
             */
            next_cursor: string | null;
        };
        /**
         * JobShown
         * @description A job: what was asked for, how far it is, and what came of it; not which machine works on it.
         */
        JobShown: {
            /**
             * Id
             * @example 01a203f1c2d80b7e5d2f9a4c61
             */
            id: string;
            /**
             * Kind
             * @example reindex
             */
            kind: string;
            /**
             * Params
             * @example {
             *       "full": false
             *     }
             */
            params: {
                [key: string]: components["schemas"]["JsonValue"];
            };
            /**
             * State
             * @enum {string}
             */
            state: "queued" | "running" | "succeeded" | "failed" | "cancelled";
            /**
             * Phase
             * @description What it does, or did last.
             * @example Indexing pictures
             */
            phase: string | null;
            /**
             * Total
             * @description Steps of this phase, where that is known.
             * @example 5000
             */
            total: number | null;
            /**
             * Done
             * @example 1250
             */
            done: number;
            /**
             * Refused
             * @description How many were refused, by reason.
             * @example {
             *       "not-an-image": 2
             *     }
             */
            refused: {
                [key: string]: number;
            };
            /**
             * Rate
             * @description Steps a second, of late.
             * @example 61.5
             */
            rate: number | null;
            /**
             * Seconds Left
             * @description In this phase, at this rate.
             * @example 61
             */
            seconds_left: number | null;
            /**
             * Attempt
             * @description How often a worker has begun it.
             * @example 1
             */
            attempt: number;
            /**
             * Max Attempts
             * @example 3
             */
            max_attempts: number;
            /** Cancel Requested */
            cancel_requested: boolean;
            /**
             * Created At
             * Format: date-time
             */
            created_at: string;
            /** Started At */
            started_at: string | null;
            /**
             * Heartbeat At
             * @description When its worker last said how far it is; at least every 5 s.
             */
            heartbeat_at: string | null;
            /** Finished At */
            finished_at: string | null;
            /** @description Why it failed. */
            error: components["schemas"]["JobError"] | null;
            /**
             * Result
             * @description What a job that succeeded did.
             * @example null
             */
            result: {
                [key: string]: components["schemas"]["JsonValue"];
            } | null;
        };
        JsonValue: unknown;
        /**
         * KeyCreated
         * @description A key with its text, which is shown this once.
         */
        KeyCreated: {
            /**
             * Id
             * @example 3f9a02c41b7e
             */
            id: string;
            /**
             * Name
             * @example the shop's pages
             */
            name: string;
            /**
             * Scope
             * @enum {string}
             */
            scope: "search" | "catalogue" | "admin";
            /**
             * Origins
             * @example [
             *       "https://shop.example"
             *     ]
             */
            origins: string[];
            /**
             * Per Minute
             * @description Requests a minute; 0: no limit.
             * @example 600
             */
            per_minute: number;
            /**
             * State
             * @enum {string}
             */
            state: "active" | "expired" | "revoked";
            /**
             * Created At
             * Format: date-time
             */
            created_at: string;
            /**
             * Expires At
             * @description Null: never.
             */
            expires_at: string | null;
            /** Revoked At */
            revoked_at: string | null;
            /**
             * Last Used On
             * @description The day, in UTC; null: never used.
             */
            last_used_on: string | null;
            /**
             * Key
             * @description Send it as “Authorization: Bearer …”. It begins with lkp if it may be published, with lks if not.
             * @example lkp_3f9a02c41b7e_…
             */
            key: string;
        };
        /**
         * KeyList
         * @description All keys, newest first; those that were revoked or have expired for 90 days more.
         */
        KeyList: {
            /** Keys */
            keys: components["schemas"]["KeyShown"][];
        };
        /**
         * KeyShown
         * @description A key without its secret.
         */
        KeyShown: {
            /**
             * Id
             * @example 3f9a02c41b7e
             */
            id: string;
            /**
             * Name
             * @example the shop's pages
             */
            name: string;
            /**
             * Scope
             * @enum {string}
             */
            scope: "search" | "catalogue" | "admin";
            /**
             * Origins
             * @example [
             *       "https://shop.example"
             *     ]
             */
            origins: string[];
            /**
             * Per Minute
             * @description Requests a minute; 0: no limit.
             * @example 600
             */
            per_minute: number;
            /**
             * State
             * @enum {string}
             */
            state: "active" | "expired" | "revoked";
            /**
             * Created At
             * Format: date-time
             */
            created_at: string;
            /**
             * Expires At
             * @description Null: never.
             */
            expires_at: string | null;
            /** Revoked At */
            revoked_at: string | null;
            /**
             * Last Used On
             * @description The day, in UTC; null: never used.
             */
            last_used_on: string | null;
        };
        /**
         * LabelProbability
         * @description A class or a category, with its probability among all of its kind.
         */
        LabelProbability: {
            /**
             * Label
             * @example running shoe
             */
            label: string;
            /**
             * Probability
             * @example 0.83
             */
            probability: number;
        };
        /**
         * Liveness
         * @description The process answers.
         */
        Liveness: {
            /**
             * Status
             * @default alive
             * @constant
             */
            status?: "alive";
        };
        /**
         * Match
         * @description The verdict on a photo, and how sure it is.
         */
        Match: {
            /**
             * Verdict
             * @description exact: this very picture, which is the first result unless a filter leaves it out; similar: something alike; none: nothing of the kind.
             * @enum {string}
             */
            verdict: "exact" | "similar" | "none";
            /**
             * Confidence
             * @description exact: probability that it is the picture. similar: probability that the first result is of the right category. none: share of the catalogue's own pictures that have nearer neighbours.
             * @example 0.94
             */
            confidence: number;
        };
        /**
         * Product
         * @description A product with its images, the one to show first.
         */
        Product: {
            /**
             * Id
             * @example shoes-0042
             */
            id: string;
            /**
             * Title
             * @example Canvas shoe, blue
             */
            title: string;
            /**
             * Category
             * @example shoes
             */
            category: string | null;
            /**
             * Brand
             * @example Example
             */
            brand: string | null;
            /**
             * Price
             * @example 19.9
             */
            price: number | null;
            /**
             * Currency
             * @example EUR
             */
            currency: string | null;
            /**
             * Url
             * @example https://shop.example/p/42
             */
            url: string | null;
            /**
             * Availability
             * @example in_stock
             */
            availability: ("in_stock" | "out_of_stock" | "preorder" | "backorder") | null;
            /**
             * Attributes
             * @example {
             *       "colour": "blue"
             *     }
             */
            attributes: {
                [key: string]: components["schemas"]["JsonValue"];
            };
            /**
             * Updated At
             * @description When the shop last changed it, as the shop says.
             */
            updated_at: string | null;
            /** Images */
            images: components["schemas"]["ImageLink"][];
        };
        /**
         * ProductList
         * @description A page of products, in the order of their ids.
         */
        ProductList: {
            /** Products */
            products: components["schemas"]["Product"][];
            /**
             * Next Cursor
             * @description Give it as cursor for the next page; null on the last one.
             * @example c2hvZXMtMDA0Mg
             */
            next_cursor: string | null;
        };
        /**
         * ProductPut
         * @description What putting a product did; “outdated”: nothing, because the shop stated something newer before.
         */
        ProductPut: {
            /**
             * Id
             * @example shoes-0042
             */
            id: string;
            /**
             * Outcome
             * @enum {string}
             */
            outcome: "added" | "changed" | "unchanged" | "outdated";
            /**
             * Revision
             * @description The catalogue's; it grows with every change.
             * @example 1207
             */
            revision: number;
            /**
             * Images
             * @description Those that the product has now.
             */
            images: components["schemas"]["ImageLink"][];
        };
        /**
         * ProductRemoved
         * @description What removing a product did; “outdated”: nothing, because the shop stated something newer before.
         */
        ProductRemoved: {
            /**
             * Id
             * @example shoes-0042
             */
            id: string;
            /**
             * Outcome
             * @enum {string}
             */
            outcome: "removed" | "not_found" | "outdated";
            /**
             * Revision
             * @description The catalogue's; it grows with every change.
             * @example 1207
             */
            revision: number;
        };
        /**
         * ProductSummary
         * @description A product of the catalogue.
         */
        ProductSummary: {
            /**
             * Id
             * @example shoes-0042
             */
            id: string;
            /**
             * Title
             * @example Canvas shoe, blue
             */
            title: string;
            /**
             * Category
             * @example shoes
             */
            category: string | null;
            /**
             * Brand
             * @example Example
             */
            brand: string | null;
            /**
             * Price
             * @example 19.9
             */
            price: number | null;
            /**
             * Currency
             * @example EUR
             */
            currency: string | null;
            /**
             * Url
             * @example https://shop.example/p/42
             */
            url: string | null;
            /**
             * Availability
             * @example in_stock
             */
            availability: ("in_stock" | "out_of_stock" | "preorder" | "backorder") | null;
            /**
             * Attributes
             * @example {
             *       "colour": "blue"
             *     }
             */
            attributes: {
                [key: string]: components["schemas"]["JsonValue"];
            };
            /**
             * Updated At
             * @description When the shop last changed it, as the shop says.
             */
            updated_at: string | null;
        };
        /**
         * Readiness
         * @description The service can answer searches; degraded when not from the published snapshot with all that changed since.
         */
        Readiness: {
            /**
             * Status
             * @enum {string}
             */
            status: "ready" | "degraded";
            /**
             * Reason
             * @description Why it is degraded.
             */
            reason: string | null;
            /**
             * Snapshot
             * @example 000007-1c9f02ab
             */
            snapshot: string;
            /**
             * Network
             * @example vgg16
             */
            network: string;
            /**
             * Runtime
             * @example openvino-bfloat16
             */
            runtime: string;
            /**
             * Probe Cosine
             * @description A probe image's embedding now and in the snapshot.
             * @example 0.9998
             */
            probe_cosine: number;
        };
        /**
         * Refined
         * @description How a search departed from the plain one, what was not given included.
         */
        Refined: {
            /**
             * More Like
             * @example [
             *       "shoes-0042"
             *     ]
             */
            more_like: string[];
            /**
             * Less Like
             * @example [
             *       "shoes-0043"
             *     ]
             */
            less_like: string[];
            /**
             * More Weight
             * @example 0.75
             */
            more_weight: number;
            /**
             * Less Weight
             * @example 0.25
             */
            less_weight: number;
            /**
             * Diversity
             * @example 0.3
             */
            diversity: number;
        };
        /**
         * RefusedItem
         * @description A row or a picture that is not used.
         */
        RefusedItem: {
            /**
             * Place
             * @description End of the file's path, address, row of the feed, or product id.
             * @example mugs/blue.jpg
             */
            place: string;
            /**
             * Product Id
             * @description As the source states it; null where it states none.
             */
            product_id: string | null;
            /**
             * Product Title
             * @description Null where the catalogue does not have the product.
             */
            product_title: string | null;
            /**
             * Reason
             * @example not-an-image
             */
            reason: string;
            /**
             * Title
             * @example It is not a picture
             */
            title: string;
            /**
             * Message
             * @description What was found.
             * @example The file is not an image.
             */
            message: string;
            /**
             * Advice
             * @description What to do.
             * @example Put the picture there anew, as JPEG, PNG or WebP.
             */
            advice: string;
            /**
             * Kept
             * @description Whether the picture that the catalogue had from this place stays.
             */
            kept: boolean;
            /**
             * Run
             * @enum {string}
             */
            run: "import" | "reindex";
        };
        /**
         * RefusedList
         * @description A page of what was refused, in the order in which it was met.
         */
        RefusedList: {
            /** Refused */
            refused: components["schemas"]["RefusedItem"][];
            /**
             * Next Cursor
             * @description Give it as cursor for the next page; null on the last one.
             * @example import.49
             */
            next_cursor: string | null;
        };
        /**
         * RefusedReason
         * @description Why rows and pictures were refused, and how many.
         */
        RefusedReason: {
            /**
             * Reason
             * @description Stable name of the reason.
             * @example not-an-image
             */
            reason: string;
            /**
             * Title
             * @example It is not a picture
             */
            title: string;
            /**
             * Advice
             * @description What to do.
             * @example Put the picture there anew, as JPEG, PNG or WebP.
             */
            advice: string;
            /**
             * Count
             * @example 12
             */
            count: number;
        };
        /**
         * RegionFound
         * @description A thing in the photo, and the products that look like it.
         */
        RegionFound: {
            /**
             * Region
             * @description Where it is in the upright photo, as shares of its sides: left, top, right, bottom. The field region takes it.
             * @example [
             *       0.05,
             *       0.1,
             *       0.48,
             *       0.92
             *     ]
             */
            region: [
                number,
                number,
                number,
                number
            ];
            /**
             * Salience
             * @description How much it stands out, against the photo as a whole.
             * @example 0.87
             */
            salience: number;
            /**
             * Query Id
             * @description Search for this thing again with it, for a while.
             * @example 0pG9sYb1Wc2uQn8kR5tXzA
             */
            query_id: string;
            /** Categories */
            categories: components["schemas"]["LabelProbability"][];
            /** Results */
            results: components["schemas"]["SearchResult"][];
        };
        /**
         * RegionMap
         * @description Which places of a picture counted, as a coarse grid.
         */
        RegionMap: {
            /**
             * Seen
             * @description The part of the upright picture that the grid covers, as shares of its sides: left, top, right, bottom. The network sees no more of it.
             * @example [
             *       0.0625,
             *       0.1667,
             *       0.9375,
             *       0.8333
             *     ]
             */
            seen: [
                number,
                number,
                number,
                number
            ];
            /**
             * Values
             * @description Rows from the top, values from the left: 0 for a place that did not count, 1 for the one that counted most.
             * @example [
             *       [
             *         0.1,
             *         0.4
             *       ],
             *       [
             *         0.2,
             *         1
             *       ]
             *     ]
             */
            values: number[][];
        };
        /**
         * RuleApplied
         * @description The shop's rule that put a result where it is.
         */
        RuleApplied: {
            /**
             * Id
             * @example 6f1e09b2c4d7a853
             */
            id: string;
            /**
             * Action
             * @enum {string}
             */
            action: "pin" | "bury";
        };
        /**
         * RuleCondition
         * @description When a rule acts.
         */
        RuleCondition: {
            /**
             * Category
             * @description Where this is the first of the answer's categories.
             * @example shoes
             */
            category: string;
        };
        /**
         * RuleList
         * @description All rules, oldest first.
         */
        RuleList: {
            /** Rules */
            rules: components["schemas"]["RuleShown"][];
        };
        /**
         * RuleShown
         * @description A rule.
         */
        RuleShown: {
            /**
             * Id
             * @example 6f1e09b2c4d7a853
             */
            id: string;
            /**
             * Action
             * @enum {string}
             */
            action: "pin" | "bury" | "hide";
            /**
             * Products
             * @example {
             *       "attributes.season": "winter",
             *       "category": "shoes"
             *     }
             */
            products: {
                [key: string]: components["schemas"]["JsonValue"];
            };
            when: components["schemas"]["RuleCondition"] | null;
            /**
             * Position
             * @example null
             */
            position: number | null;
            /** From */
            from: string | null;
            /** Until */
            until: string | null;
            /**
             * Note
             * @example Winter sale
             */
            note: string | null;
            /**
             * Created At
             * Format: date-time
             */
            created_at: string;
        };
        /**
         * RunShown
         * @description The last run of its kind that looked at pictures.
         */
        RunShown: {
            /**
             * Run
             * @enum {string}
             */
            run: "import" | "reindex";
            /**
             * Finished At
             * Format: date-time
             * @description When it had looked at all of them.
             */
            finished_at: string;
            /**
             * Refused
             * @example 15
             */
            refused: number;
        };
        /**
         * SearchResponse
         * @description Answer to a search.
         */
        SearchResponse: {
            /**
             * Request Id
             * @example 0b5fd94d-4cf9-4d6c-9a3e-0b3f31d0a2a7
             */
            request_id: string;
            /**
             * Query Id
             * @description Search the same again with this, for a while.
             * @example 7cO3lQmH0v7mJzYw1q2b4A
             */
            query_id: string;
            snapshot: components["schemas"]["SnapshotUsed"];
            /**
             * Low Confidence
             * @description True for a photo of (nearly) one colour, of which little can be told.
             */
            low_confidence: boolean;
            /** @description Whether the catalogue has what the photo shows; null for a search with a product, and for an index that was built without a calibration. */
            match: components["schemas"]["Match"] | null;
            /**
             * Classes
             * @description ImageNet classes of the photo, top 5; none for a search without a photo.
             */
            classes: components["schemas"]["LabelProbability"][];
            /**
             * Categories
             * @description The shop's own categories, told by the nearest products and, once there is one, a trained head.
             */
            categories: components["schemas"]["LabelProbability"][];
            /** Results */
            results: components["schemas"]["SearchResult"][];
            /**
             * Facets
             * @description For each field that facets names, its most frequent values.
             * @example {
             *       "category": [
             *         {
             *           "count": 412,
             *           "value": "shoes"
             *         }
             *       ]
             *     }
             */
            facets: {
                [key: string]: components["schemas"]["FacetValue"][];
            };
            /**
             * Regions
             * @description Only with regions: the things that stand out in the photo, at most five, best first.
             */
            regions?: components["schemas"]["RegionFound"][] | null;
            /** @description Only where the search was refined. */
            refined?: components["schemas"]["Refined"] | null;
            /**
             * Hidden By Rules
             * @description Only where rules of the shop act: how many products that could be found otherwise they hide.
             * @example 3
             */
            hidden_by_rules?: number | null;
            timings_ms: components["schemas"]["SearchTimings"];
        };
        /**
         * SearchResult
         * @description One product that looks like the query.
         */
        SearchResult: {
            /**
             * Rank
             * @example 1
             */
            rank: number;
            /**
             * Score
             * @description Cosine similarity of the best image; larger is more similar.
             * @example 0.913
             */
            score: number;
            /** @description The product's image that is most similar. */
            image: components["schemas"]["ImageLink"];
            product: components["schemas"]["ProductSummary"];
            /** @description Only with explain. Null where the index keeps nothing to tell it from, or the network has no regions. */
            explanation?: components["schemas"]["Explanation"] | null;
            /** @description Only where a rule of the shop moved the result. */
            rule?: components["schemas"]["RuleApplied"] | null;
        };
        /**
         * SearchTimings
         * @description Milliseconds that the stages took, waiting included, from when the whole request had arrived.
         */
        SearchTimings: {
            /**
             * Decode
             * @example 6.1
             */
            decode: number;
            /**
             * Embed
             * @example 30.4
             */
            embed: number;
            /**
             * Search
             * @example 2.2
             */
            search: number;
            /**
             * Total
             * @example 39.5
             */
            total: number;
        };
        /**
         * SnapshotList
         * @description The snapshots on the disk, newest first.
         */
        SnapshotList: {
            /** Snapshots */
            snapshots: components["schemas"]["SnapshotListed"][];
            /**
             * Previous
             * @description Live before, and the first that a roll back tries; null: none was.
             * @example 000006-7be04d1c
             */
            previous: string | null;
        };
        /**
         * SnapshotListed
         * @description A snapshot on the disk.
         */
        SnapshotListed: {
            /**
             * Id
             * @example 000007-1c9f02ab
             */
            id: string;
            /** Live */
            live: boolean;
            /**
             * Network
             * @example vgg16
             */
            network: string | null;
            /**
             * Products
             * @example 3795
             */
            products: number | null;
            /**
             * Images
             * @example 3795
             */
            images: number | null;
            /** Created At */
            created_at: string | null;
            /**
             * Published At
             * @description When it was last made live; null when it never was.
             */
            published_at: string | null;
            /**
             * Size Bytes
             * @example 93266432
             */
            size_bytes: number;
            /**
             * Metrics
             * @example {
             *       "recall_at_10": 1
             *     }
             */
            metrics: {
                [key: string]: number;
            };
            /**
             * Problem
             * @description Why the snapshot cannot be used; null when nothing is known against it.
             */
            problem: string | null;
        };
        /**
         * SnapshotUsed
         * @description The index that an answer comes from.
         */
        SnapshotUsed: {
            /**
             * Id
             * @example 000007-1c9f02ab
             */
            id: string;
            /**
             * Network
             * @example vgg16
             */
            network: string;
            /**
             * Products
             * @example 3795
             */
            products: number;
            /**
             * Images
             * @example 3795
             */
            images: number;
            /**
             * Published At
             * Format: date-time
             */
            published_at: string;
        };
        /**
         * Problem
         * @description An RFC 9457 problem document: what every answer is that did not succeed.
         */
        Problem: {
            /**
             * Type
             * @description Stable name of the kind of problem.
             * @example /problems/image-too-large
             */
            type: string;
            /**
             * Title
             * @example The image has too many pixels
             */
            title: string;
            /**
             * Status
             * @example 422
             */
            status: number;
            /**
             * Detail
             * @example The image has 88.0 megapixels; the limit is 25.0 (LOOKALIKE_MAX_IMAGE_PIXELS).
             */
            detail: string;
            /**
             * Instance
             * @description The request's id.
             * @example urn:uuid:0b5fd94d-4cf9-4d6c-9a3e-0b3f31d0a2a7
             */
            instance: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    search_search_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Exactly one of image, product_id and query_id. */
        requestBody: {
            content: {
                "multipart/form-data": {
                    /**
                     * Format: binary
                     * @description The photo: JPEG, PNG or WebP. Of a moving picture, the first frame.
                     */
                    image?: Blob;
                    /**
                     * @description A product of the catalogue, to find others like it.
                     * @example shoes-0042
                     */
                    product_id?: string;
                    /**
                     * @description An earlier search, to ask it again without the photo; known for 15 minutes.
                     * @example 7cO3lQmH0v7mJzYw1q2b4A
                     */
                    query_id?: string;
                    /**
                     * @description Number of products to return.
                     * @default 10
                     */
                    k?: number;
                    /**
                     * @description Lowest score (cosine) of a hit; the answer may then have fewer than k.
                     * @example 0.5
                     */
                    min_score?: number;
                    /**
                     * @description The part of the upright photo to look at: left, top, right and bottom as shares of its sides.
                     * @example 0.1,0.2,0.9,1
                     */
                    region?: string;
                    /**
                     * @description Also look for the things that stand out in the photo, and answer for each of them.
                     * @enum {string}
                     */
                    regions?: "auto";
                    /**
                     * @description Which products may be found, as JSON; docs/filters.md has the grammar.
                     * @example {"category": "shoes", "price": {"lt": 50}}
                     */
                    filter?: string;
                    /**
                     * @description Fields whose values are counted over the products that may be found.
                     * @example category,attributes.colour
                     */
                    facets?: string;
                    /**
                     * @description Whether to tell why each hit is one: which parts of the two pictures made them similar.
                     * @default false
                     */
                    explain?: boolean;
                    /**
                     * @description Products to find more of, at most 10.
                     * @example shoes-0042,shoes-0043
                     */
                    more_like?: string;
                    /**
                     * @description Products to find less of, at most 10; they are no results.
                     * @example shoes-0044
                     */
                    less_like?: string;
                    /**
                     * @description How much more_like counts, against the query.
                     * @default 0.75
                     */
                    more_weight?: number;
                    /**
                     * @description How much less_like counts, against the query.
                     * @default 0.25
                     */
                    less_weight?: number;
                    /**
                     * @description How much a result's likeness to those before it counts against its score.
                     * @default 0
                     */
                    diversity?: number;
                } & (unknown | unknown | unknown);
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SearchResponse"];
                };
            };
            /** @description Bad Request: field-too-large, malformed-multipart, malformed-request, too-many-parts */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not Found: not-found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Request Timeout: request-timeout */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Request Entity Too Large: body-too-large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unsupported Media Type: format-not-allowed, not-an-image, unsupported-media-type */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: aspect-not-allowed, decode-timeout, embedding-not-finite, embedding-zero, empty-image, image-corrupt, image-too-complex, image-too-large, image-too-small, invalid-parameter, missing-image */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    classify_classify_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "multipart/form-data": {
                    /**
                     * Format: binary
                     * @description The photo: JPEG, PNG or WebP. Of a moving picture, the first frame.
                     */
                    image: Blob;
                    /**
                     * @description The part of the upright photo to look at: left, top, right and bottom as shares of its sides.
                     * @example 0.1,0.2,0.9,1
                     */
                    region?: string;
                };
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ClassifyResponse"];
                };
            };
            /** @description Bad Request: field-too-large, malformed-multipart, malformed-request, too-many-parts */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Request Timeout: request-timeout */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Request Entity Too Large: body-too-large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unsupported Media Type: format-not-allowed, not-an-image, unsupported-media-type */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: aspect-not-allowed, decode-timeout, embedding-not-finite, embedding-zero, empty-image, image-corrupt, image-too-complex, image-too-large, image-too-small, invalid-parameter, missing-image */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_products_products_get: {
        parameters: {
            query?: {
                /** @description next_cursor of the page before. */
                cursor?: string | null;
                /** @description Products on a page. */
                limit?: number;
                /** @description Only products of this category. */
                category?: string | null;
                /** @description For a first look: one page with some of every category. */
                spread?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProductList"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: database-corrupt, database-too-new, database-too-old, database-unavailable, index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_product_products__product_id__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a product. */
                product_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Product"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not Found: not-found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: database-corrupt, database-too-new, database-too-old, database-unavailable, index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    put_product_products__product_id__put: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a product. */
                product_id: string;
            };
            cookie?: never;
        };
        /** @description The whole product; what is not given is empty. JSON without images leaves it those it has. */
        requestBody: {
            content: {
                "application/json": {
                    /**
                     * Title
                     * @example Canvas shoe, blue
                     */
                    title: string;
                    /**
                     * Category
                     * @example shoes
                     */
                    category?: string | null;
                    /**
                     * Brand
                     * @example Example
                     */
                    brand?: string | null;
                    /**
                     * Price
                     * @description Kept exactly, with up to four decimals.
                     * @example 19.9
                     */
                    price?: number | string | null;
                    /**
                     * Currency
                     * @example EUR
                     */
                    currency?: string | null;
                    /**
                     * Url
                     * @example https://shop.example/p/42
                     */
                    url?: string | null;
                    /**
                     * Availability
                     * @example in_stock
                     */
                    availability?: ("in_stock" | "out_of_stock" | "preorder" | "backorder") | null;
                    /**
                     * Attributes
                     * @default {}
                     * @example {
                     *       "colour": "blue"
                     *     }
                     */
                    attributes?: Record<string, never>;
                    /**
                     * Updated At
                     * @description When the shop last changed the product; what it stated before that changes nothing.
                     * @example 2026-11-22T08:30:00Z
                     */
                    updated_at?: string | null;
                    /**
                     * Images
                     * @description https addresses of its pictures, the one to show first; without it, the product keeps its own.
                     * @example [
                     *       "https://shop.example/p/42.jpg"
                     *     ]
                     */
                    images?: string[] | null;
                };
                "multipart/form-data": {
                    /**
                     * @description The product as JSON, without images.
                     * @example {"title": "Canvas shoe, blue", "price": 19.90, "currency": "EUR"}
                     */
                    product: string;
                    image: Blob[];
                };
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProductPut"];
                };
            };
            /** @description The product is new. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProductPut"];
                };
            };
            /** @description Bad Request: field-too-large, malformed-multipart, malformed-request, too-many-parts */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Request Timeout: request-timeout */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Conflict: snapshot-corrupt */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Request Entity Too Large: body-too-large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unsupported Media Type: format-not-allowed, not-an-image, unsupported-media-type */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: aspect-not-allowed, decode-timeout, embedding-not-finite, embedding-zero, empty-image, image-corrupt, image-too-complex, image-too-large, image-too-small, invalid-parameter, missing-image, upstream-too-large, url-not-allowed */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Bad Gateway: upstream-broken, upstream-status, upstream-unreachable */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: data-dir-busy, data-dir-not-readable, data-dir-not-writable, database-corrupt, database-too-new, database-too-old, database-unavailable, disk-full, index-not-ready, overloaded, upstream-given-up */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Gateway Timeout: upstream-timeout */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    delete_product_products__product_id__delete: {
        parameters: {
            query?: {
                /** @description When the shop removed it; what it stated later stays. */
                updated_at?: string | null;
            };
            header?: never;
            path: {
                /** @description Id of a product. */
                product_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProductRemoved"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: data-dir-busy, data-dir-not-readable, data-dir-not-writable, database-corrupt, database-too-new, database-too-old, database-unavailable, disk-full, index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    similar_products_products__product_id__similar_get: {
        parameters: {
            query?: {
                /** @description Number of products to return. */
                k?: number;
                /** @description Lowest score (cosine) of a hit. */
                min_score?: number | null;
                /** @description Which products may be found, as JSON: see docs/filters.md. */
                filter?: string | null;
                /** @description Fields whose values are counted. */
                facets?: string | null;
                /** @description Whether to tell why each hit is one: see docs/answers.md. */
                explain?: boolean;
                /** @description Ids of products, separated by commas: see docs/refine.md. */
                more_like?: string | null;
                /** @description Ids of products, separated by commas: see docs/refine.md. */
                less_like?: string | null;
                /** @description How much these products count. */
                more_weight?: number | null;
                /** @description How much these products count. */
                less_weight?: number | null;
                /** @description How much a hit's likeness to those before it counts against its score. */
                diversity?: number | null;
            };
            header?: never;
            path: {
                /** @description Id of a product. */
                product_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SearchResponse"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not Found: not-found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_image_images__image_id__get: {
        parameters: {
            query?: {
                /** @description thumb for a small one without metadata. */
                size?: "thumb" | null;
            };
            header?: never;
            path: {
                /** @description Id of an image. */
                image_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The image. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "image/jpeg": Blob;
                    "image/png": Blob;
                    "image/webp": Blob;
                };
            };
            /** @description The image is the one named in If-None-Match. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Not Found: not-found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: database-corrupt, database-too-new, database-too-old, database-unavailable, index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    add_event_events_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /**
                     * Type
                     * @description Opened the product, or put it into the cart.
                     * @enum {string}
                     */
                    type: "select" | "add_to_cart";
                    /**
                     * Request Id
                     * @description request_id of the answer that showed it; of the last hour.
                     * @example 0b5fd94d-4cf9-4d6c-9a3e-0b3f31d0a2a7
                     */
                    request_id: string;
                    /**
                     * Product Id
                     * @description One of its results.
                     * @example shoes-0042
                     */
                    product_id: string;
                };
            };
        };
        responses: {
            /** @description Successful Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventTaken"];
                };
            };
            /** @description Bad Request: malformed-request */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not Found: not-found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Request Timeout: request-timeout */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Request Entity Too Large: body-too-large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unsupported Media Type: unsupported-media-type */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    change_products_products_batch_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    products: ({
                        /**
                         * Title
                         * @example Canvas shoe, blue
                         */
                        title: string;
                        /**
                         * Category
                         * @example shoes
                         */
                        category?: string | null;
                        /**
                         * Brand
                         * @example Example
                         */
                        brand?: string | null;
                        /**
                         * Price
                         * @description Kept exactly, with up to four decimals.
                         * @example 19.9
                         */
                        price?: number | string | null;
                        /**
                         * Currency
                         * @example EUR
                         */
                        currency?: string | null;
                        /**
                         * Url
                         * @example https://shop.example/p/42
                         */
                        url?: string | null;
                        /**
                         * Availability
                         * @example in_stock
                         */
                        availability?: ("in_stock" | "out_of_stock" | "preorder" | "backorder") | null;
                        /**
                         * Attributes
                         * @default {}
                         * @example {
                         *       "colour": "blue"
                         *     }
                         */
                        attributes?: Record<string, never>;
                        /**
                         * Updated At
                         * @description When the shop last changed the product; what it stated before that changes nothing.
                         * @example 2026-11-22T08:30:00Z
                         */
                        updated_at?: string | null;
                        /**
                         * Images
                         * @description https addresses of its pictures, the one to show first; without it, the product keeps its own.
                         * @example [
                         *       "https://shop.example/p/42.jpg"
                         *     ]
                         */
                        images?: string[] | null;
                        /**
                         * Id
                         * @example shoes-0042
                         */
                        id: string;
                    } | {
                        /**
                         * Id
                         * @example shoes-0043
                         */
                        id: string;
                        /**
                         * Delete
                         * @constant
                         */
                        delete: true;
                        /**
                         * Updated At
                         * @example 2026-11-22T08:30:00Z
                         */
                        updated_at?: string | null;
                    })[];
                };
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BatchResults"];
                };
            };
            /** @description Bad Request: malformed-request */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Request Timeout: request-timeout */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Conflict: snapshot-corrupt */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Request Entity Too Large: body-too-large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unsupported Media Type: unsupported-media-type */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: data-dir-busy, data-dir-not-readable, data-dir-not-writable, database-corrupt, database-too-new, database-too-old, database-unavailable, disk-full, index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_rules_rules_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RuleList"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: database-corrupt, database-too-new, database-too-old, database-unavailable, index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    make_rule_rules_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /**
                     * Action
                     * @enum {string}
                     */
                    action: "pin" | "bury" | "hide";
                    /**
                     * Products
                     * @description A filter, see docs/filters.md; or {"id": [...]}.
                     * @example {
                     *       "attributes.season": "winter",
                     *       "category": "shoes"
                     *     }
                     */
                    products: Record<string, never>;
                    /** @description Null: for every search. */
                    when?: components["schemas"]["RuleCondition"] | null;
                    /**
                     * Position
                     * @description Rank of the first pinned product; 1 if not given.
                     * @example 1
                     */
                    position?: number | null;
                    /**
                     * From
                     * @example 2026-11-27T00:00:00Z
                     */
                    from?: string | null;
                    /**
                     * Until
                     * @example 2026-11-30T00:00:00Z
                     */
                    until?: string | null;
                    /**
                     * Note
                     * @example Winter sale
                     */
                    note?: string | null;
                };
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RuleShown"];
                };
            };
            /** @description Bad Request: malformed-request */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Request Timeout: request-timeout */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Conflict: wrong-state */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Request Entity Too Large: body-too-large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unsupported Media Type: unsupported-media-type */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: data-dir-busy, data-dir-not-readable, data-dir-not-writable, database-corrupt, database-too-new, database-too-old, database-unavailable, disk-full, index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    remove_rule_rules__rule_id__delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a rule. */
                rule_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RuleShown"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not Found: not-found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: data-dir-busy, data-dir-not-readable, data-dir-not-writable, database-corrupt, database-too-new, database-too-old, database-unavailable, disk-full, index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    show_catalogue_catalogue_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CatalogueSummary"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: database-corrupt, database-too-new, database-too-old, database-unavailable, index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_refused_catalogue_refused_get: {
        parameters: {
            query?: {
                /** @description next_cursor of the page before. */
                cursor?: string | null;
                /** @description Items on a page. */
                limit?: number;
                /** @description Only those of this reason. */
                reason?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RefusedList"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: database-corrupt, database-too-new, database-too-old, database-unavailable, index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_snapshots_snapshots_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SnapshotList"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_figures_snapshots_figures_get: {
        parameters: {
            query?: {
                /** @description Snapshots at most, the newest. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FiguresList"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: database-corrupt, database-too-new, database-too-old, database-unavailable, index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    roll_back_snapshots_rollback_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "live": "000007-1c9f02ab"
                 *     }
                 */
                "application/json": {
                    /**
                     * Live
                     * @description The snapshot to take back, refused where another one is live by now. Null: whichever is live.
                     * @example 000007-1c9f02ab
                     */
                    live?: string | null;
                };
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SnapshotListed"];
                };
            };
            /** @description Bad Request: malformed-request */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not Found: snapshot-missing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Request Timeout: request-timeout */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Conflict: snapshot-corrupt, snapshot-incompatible, wrong-state */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Request Entity Too Large: body-too-large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unsupported Media Type: unsupported-media-type */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: data-dir-busy, data-dir-not-readable, data-dir-not-writable, disk-full, index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    publish_snapshot_snapshots__snapshot_id__publish_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a snapshot on the disk. */
                snapshot_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SnapshotListed"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not Found: snapshot-missing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Conflict: snapshot-corrupt, snapshot-incompatible */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: data-dir-busy, data-dir-not-readable, data-dir-not-writable, disk-full, index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    reindex_reindex_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "full": false
                 *     }
                 */
                "application/json": {
                    /**
                     * Full
                     * @description Look at every picture anew, and build although nothing seems changed.
                     * @default false
                     */
                    full?: boolean;
                };
            };
        };
        responses: {
            /** @description The job is queued. */
            202: {
                headers: {
                    /** @description Where the job is shown. */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobShown"];
                };
            };
            /** @description Bad Request: malformed-request */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Request Timeout: request-timeout */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Conflict: already-running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Request Entity Too Large: body-too-large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unsupported Media Type: unsupported-media-type */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: data-dir-busy, data-dir-not-readable, data-dir-not-writable, database-corrupt, database-too-new, database-too-old, database-unavailable, disk-full, index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_jobs_jobs_get: {
        parameters: {
            query?: {
                /** @description next_cursor of the page before. */
                cursor?: string | null;
                /** @description Jobs on a page. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobList"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: database-corrupt, database-too-new, database-too-old, database-unavailable, index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_job_jobs__job_id__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a job. */
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobShown"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not Found: not-found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: database-corrupt, database-too-new, database-too-old, database-unavailable, index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    cancel_job_jobs__job_id__cancel_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a job. */
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobShown"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not Found: not-found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Conflict: wrong-state */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: data-dir-busy, data-dir-not-readable, data-dir-not-writable, database-corrupt, database-too-new, database-too-old, database-unavailable, disk-full, index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    retry_job_jobs__job_id__retry_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a job. */
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job is queued. */
            202: {
                headers: {
                    /** @description Where the job is shown. */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobShown"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not Found: not-found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Conflict: already-running, wrong-state */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: data-dir-busy, data-dir-not-readable, data-dir-not-writable, database-corrupt, database-too-new, database-too-old, database-unavailable, disk-full, index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_keys_keys_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeyList"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: database-corrupt, database-too-new, database-too-old, database-unavailable, index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    create_key_keys_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "scope": "search",
                 *       "origins": [
                 *         "https://shop.example"
                 *       ],
                 *       "name": "the shop's pages"
                 *     }
                 */
                "application/json": {
                    /**
                     * Scope
                     * @description catalogue allows what search allows, and admin everything.
                     * @enum {string}
                     */
                    scope: "search" | "catalogue" | "admin";
                    /**
                     * Origins
                     * @description Of a search key that may be published: the pages that can use it, such as https://shop.example.
                     * @default []
                     */
                    origins?: string[];
                    /**
                     * Name
                     * @description For people.
                     * @default
                     * @example the shop's pages
                     */
                    name?: string;
                    /**
                     * Expires In Days
                     * @description Null: it never expires.
                     */
                    expires_in_days?: number | null;
                    /**
                     * Per Minute
                     * @description Requests a minute, 0 for no limit. Null: 600 for a search key, no limit for the others.
                     */
                    per_minute?: number | null;
                };
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeyCreated"];
                };
            };
            /** @description Bad Request: malformed-request */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Request Timeout: request-timeout */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Conflict: wrong-state */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Request Entity Too Large: body-too-large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unsupported Media Type: unsupported-media-type */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: data-dir-busy, data-dir-not-readable, data-dir-not-writable, database-corrupt, database-too-new, database-too-old, database-unavailable, disk-full, index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    revoke_key_keys__key_id__delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a key. */
                key_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeyShown"];
                };
            };
            /** @description Unauthorized: invalid-key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Forbidden: forbidden-origin, key-not-enough */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not Found: not-found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too Many Requests: rate-limited */
            429: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: data-dir-busy, data-dir-not-readable, data-dir-not-writable, database-corrupt, database-too-new, database-too-old, database-unavailable, disk-full, index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    livez_livez_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Liveness"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readyz_readyz_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            /** @description Unprocessable Entity: invalid-parameter */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Service Unavailable: index-not-ready, overloaded */
            503: {
                headers: {
                    /** @description Seconds after which to try again. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A request that is malformed or too long, or a failure on our side. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
